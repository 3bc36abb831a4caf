import { sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { createPayer, meddle, moveAway } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { settle } from '../support/wire.js';
import { eager, expectSoundBooks, reorg, slowlyFinal } from './finality-scene.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false, evm: slowlyFinal, overrides: { ...eager, tendMs: 200 } });
});
afterAll(() => facilitator.stop());

test('a reorg that drops a transaction that had failed does not stop its lane', async () => {
  const { evm, wallet } = facilitator;
  const [payer, next] = [await createPayer(evm, { payTo: wallet.evm }), await createPayer(evm, { payTo: wallet.evm })];
  // Out of reach of the reorg.
  await evm.mine(5);
  await stopTime(facilitator, 'EVM');
  const answer = settle(facilitator.url(), payer.request);
  await eventually(() => expect(facilitator.evmRpc.transactions()).toBe(1));
  await meddle(evm, moveAway(payer, sandboxKeys.evm.stranger.address));
  await resumeTime(facilitator, 'EVM');
  expect((await answer).body).toMatchObject({ success: false, errorReason: 'invalid_exact_evm_transaction_failed' });

  await stopTime(facilitator, 'EVM');
  await reorg(evm, 3);
  const { address } = sandboxKeys.evm.facilitator;
  expect(await evm.rpc('eth_getTransactionCount', [address, 'latest'])).toBe('0x0');
  await resumeTime(facilitator, 'EVM');
  // Nobody is owed anything by what was dropped, and yet the chain wants its account nonce first.
  expect((await settle(facilitator.url(), next.request)).body).toMatchObject({ success: true });
  await expectSoundBooks(facilitator);
});
