import { BASE_SEPOLIA_USDC, createRpcGate, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { carryOut, createPayer, meddle, takeBack, type TestPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { settle } from '../support/wire.js';
import {
  blocksToFinality,
  eager,
  expectSoundBooks,
  rawOf,
  reorg,
  reorgKeeping,
  reported,
  slowlyFinal,
  walletOf,
  type Paid,
} from './finality-scene.js';

const stranger = sandboxKeys.evm.stranger.address;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false, evm: slowlyFinal, overrides: { ...eager, tendMs: 50 } });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  await expectSoundBooks(facilitator);
});

test('what only a stranger had carried out and a reorg dropped is carried out by us, and credited once', async () => {
  const before = await walletOf(facilitator);
  const { paid } = await overtaken();
  await stopTime(facilitator, 'EVM');
  await reorg(facilitator.evm, 2);
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  expect(await walletOf(facilitator)).toEqual(before);
  await resumeTime(facilitator, 'EVM');

  await eventually(async () => {
    const report = await reported(facilitator, paid, { finality: 'confirmed', credited: true });
    expect(report.transaction).toBe(report.evidence?.transaction);
    expect(report.transaction).not.toBe(paid.transaction);
    expect(report.attempts.map(({ transaction }) => transaction)).toEqual([report.transaction]);
  });
  await facilitator.evm.mine(blocksToFinality);
  await reported(facilitator, paid, { finality: 'final', credited: true });
  expect(await walletOf(facilitator)).toEqual({ ...before, available: before.available + 10_000n });
});

test('what only a stranger had carried out and a reorg put into another block stays as it is, at no cost of ours', async () => {
  const before = await walletOf(facilitator);
  const { paid } = await overtaken();
  const raw = await rawOf(facilitator.evm, paid.transaction);
  const { evidence } = await reported(facilitator, paid, { finality: 'confirmed' });
  await reorgKeeping(facilitator, 2, [[raw, 1]]);
  await eventually(async () => {
    const report = await reported(facilitator, paid, { finality: 'confirmed', transaction: paid.transaction });
    expect(report.evidence?.blockHash).not.toBe(evidence?.blockHash);
    expect(report.attempts).toEqual([]);
  });
  await facilitator.evm.mine(blocksToFinality);
  await reported(facilitator, paid, { finality: 'final', credited: true });
  expect(await walletOf(facilitator)).toEqual({ ...before, available: before.available + 10_000n });
});

test('what only a stranger had carried out and the payer took back in a reorg is lost when that is final', async () => {
  const { paid, payer } = await overtaken();
  keepFromSigning();
  await reorg(facilitator.evm, 2);
  await meddle(facilitator.evm, await takeBack(payer));
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  expect(await lostAt(paid)).toBeNull();
  await facilitator.evm.mine(blocksToFinality);
  await eventually(async () => expect(await lostAt(paid)).not.toBeNull());
});

test('what only a stranger had carried out and nobody carries out again is lost when it has expired for good', async () => {
  const { paid } = await overtaken();
  keepFromSigning();
  await reorg(facilitator.evm, 2);
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  await facilitator.evm.mine(blocksToFinality + 2);
  expect(await lostAt(paid)).toBeNull();
  await facilitator.evm.rpc('evm_increaseTime', [3_600]);
  await facilitator.evm.mine(blocksToFinality + 2);
  await eventually(async () => expect(await lostAt(paid)).not.toBeNull());
});

/** A payment that a stranger carried out between its claim and its verification, under one other block. */
async function overtaken(): Promise<{ readonly paid: Paid; readonly payer: TestPayer }> {
  const { evm, evmRpc, wallet } = facilitator;
  const payer = await createPayer(evm, { payTo: wallet.evm });
  let height: unknown;
  const change = (result: unknown) => (height = result);
  evmRpc.use(faultOn('eth_blockNumber', { kind: 'alter', change }));
  const gate = createRpcGate();
  evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));
  const answer = settle(facilitator.url(), payer.request);
  await eventually(() => expect([gate.waiting(), height]).toEqual([1, expect.any(String)]));
  const theirs = String(
    await evm.rpc('eth_sendTransaction', [{ to: BASE_SEPOLIA_USDC, ...carryOut(payer, stranger) }]),
  );
  await eventually(async () => expect(await evm.rpc('eth_getTransactionReceipt', [theirs])).not.toBeNull());
  gate.open();
  const { body } = await answer;
  expect(body).toMatchObject({ success: true, transaction: theirs });
  await evm.mine();
  return { paid: { paymentId: String(body.extra?.['paymentId']), transaction: theirs }, payer };
}

/** Nothing can be verified, and so nothing is signed; what was used can be read. */
function keepFromSigning(): void {
  const fault = { kind: 'error', code: -32_000, message: 'busy' } as const;
  facilitator.evmRpc.use(({ method, params }) => {
    const [call] = params as readonly [{ to?: string; data?: string }];
    const isSimulation = method === 'eth_call' && (call.to === undefined || call.data?.startsWith('0xe3ee160e'));
    return isSimulation ? fault : undefined;
  });
}

async function lostAt({ paymentId }: Paid): Promise<Date | null> {
  const [row] = await facilitator.database.database.sql<{ lostAt: Date | null }>`
    SELECT lost_at AS "lostAt" FROM effect WHERE payment_id = ${paymentId}::uuid`;
  return row?.lostAt ?? null;
}
