import { BASE_SEPOLIA_USDC, createRpcGate, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { transferOf } from '../support/transfer-call.js';
import { evmRequest, settle } from '../support/wire.js';
import { blocksToFinality, eager, expectSoundBooks, reorg, reported, slowlyFinal, walletOf } from './finality-scene.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false, evm: slowlyFinal, overrides: eager });
});
afterAll(() => facilitator.stop());

test('a payment that somebody else carried out and a reorg dropped is carried out by us, and credited once', async () => {
  const { evm, evmRpc } = facilitator;
  const request = await evmRequest({ payTo: facilitator.wallet.evm });
  const gate = createRpcGate();
  evmRpc.use(faultOn('eth_sendRawTransaction', { kind: 'hold', gate }));
  const answer = settle(facilitator.url(), request);
  await eventually(() => expect(gate.waiting()).toBe(1));
  const from = sandboxKeys.evm.stranger.address;
  const theirs = await evm.rpc('eth_sendTransaction', [{ from, to: BASE_SEPOLIA_USDC, data: transferOf(request) }]);
  await eventually(async () => expect(await evm.rpc('eth_getTransactionReceipt', [theirs])).not.toBeNull());
  gate.open();
  const { body } = await answer;
  expect(body).toMatchObject({ success: true, transaction: theirs });
  const paid = { paymentId: String(body.extra?.['paymentId']), transaction: body.transaction };
  await reported(facilitator, paid, { finality: 'confirmed', transaction: paid.transaction });

  await stopTime(facilitator, 'EVM');
  await reorg(facilitator.evm, 2);
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  await expectSoundBooks(facilitator);
  await resumeTime(facilitator, 'EVM');

  // The report reads the payment and its evidence one after the other, so for a moment they may tell of two moments.
  const report = await eventually(async () => {
    const found = await reported(facilitator, paid, { finality: 'confirmed', credited: true });
    expect(found.transaction).toBe(found.evidence?.transaction);
    return found;
  });
  expect(report.evidence?.transaction).not.toBe(theirs);
  expect(report.attempts.map(({ transaction }) => transaction)).toEqual([report.transaction]);
  await evm.mine(blocksToFinality);
  await reported(facilitator, paid, { finality: 'final', credited: true });
  expect(await walletOf(facilitator)).toEqual({ pending: 0n, available: 10_000n });
  await expectSoundBooks(facilitator);
});
