import { afterAll, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { evmRequest, settle, verify } from '../support/wire.js';
import { startMerchantScene, type MerchantScene } from './merchant-scene.js';

let scene: MerchantScene;
beforeAll(async () => {
  scene = await startMerchantScene({ svm: false, env: () => ({ SETTLE_WAIT_MS: '2000' }) });
});
afterAll(() => scene.stop());

test('a payment that was signed before its wallet was closed is told of, once, and one that was not is refused', async () => {
  const { facilitator } = scene;
  const acme = await scene.merchant('acme');
  const wallet = await acme.wallet('closing');
  const [signed, late] = [await evmRequest({ payTo: wallet.evm }), await evmRequest({ payTo: wallet.evm })];
  await stopTime(facilitator, 'EVM');
  // Where nothing was signed in time, the caller asks again.
  const pending = await eventually(async () => {
    const answer = await settle(facilitator.url(), signed);
    expect(answer.body).toMatchObject({ errorReason: 'settlement_pending' });
    return answer;
  });
  expect((await acme.call('POST', `/v1/wallets/${wallet.id}/close`)).status).toBe(200);

  expect((await verify(facilitator.url(), signed)).body).toMatchObject({ isValid: true });
  expect((await settle(facilitator.url(), late)).body).toMatchObject({ errorReason: 'pay_to_not_registered' });
  await resumeTime(facilitator, 'EVM');
  const { transaction } = pending.body;
  await eventually(async () => {
    expect((await settle(facilitator.url(), signed)).body).toMatchObject({ success: true, transaction });
  });
  expect((await settle(facilitator.url(), signed)).body).toMatchObject({
    errorReason: 'duplicate_settlement',
    transaction,
  });
  expect(await facilitator.bookProblems()).toEqual([]);
});
