import { composeService, createLogger } from '@tollkeeper/facilitator';
import { faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { evmRequest } from '../support/wire.js';
import {
  blocksToFinality,
  eager,
  expectSoundBooks,
  journalsOf,
  pay,
  reported,
  slowlyFinal,
  untilQuiet,
  walletOf,
} from './finality-scene.js';

let facilitator: TestFacilitator;
const unfinal = () => metricOf(facilitator.url(), 'tollkeeper_effects_unfinal', { state: 'confirmed' });
const released = () => metricOf(facilitator.url(), 'tollkeeper_finality_changes_total', { change: 'final' });

beforeAll(async () => {
  // Where three facilitators share one busy process, thirty payments at once take longer than a caller waits as a rule.
  const env = () => ({ SETTLE_WAIT_MS: '60000' });
  facilitator = await startTestFacilitator({ svm: false, evm: slowlyFinal, env, overrides: eager });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  await expectSoundBooks(facilitator);
});

test('money is pending until its block is final, and then available', async () => {
  const before = await walletOf(facilitator);
  const paid = await pay(facilitator, 'EVM');
  expect(await reported(facilitator, paid, { finality: 'confirmed' })).toMatchObject({
    evidence: { credited: true, finalAt: null, reversedAt: null },
  });
  await facilitator.evm.mine(blocksToFinality - 1);
  await looks(3);
  expect(await walletOf(facilitator)).toEqual({ ...before, pending: before.pending + 10_000n });
  expect(await unfinal()).toBe(1);

  await facilitator.evm.mine();
  const { evidence } = await reported(facilitator, paid, { finality: 'final', credited: true });
  expect(Date.parse(evidence?.finalAt ?? '')).toBeGreaterThan(Date.now() - 60_000);
  expect(await walletOf(facilitator)).toEqual({ ...before, available: before.available + 10_000n });
  expect(await unfinal()).toBe(0);
  // A change is counted a moment after it can be read.
  await eventually(async () => expect(await released()).toBeGreaterThan(0));
});

test('what became final while nobody looked is available after a restart', async () => {
  const before = await walletOf(facilitator);
  await facilitator.restart({ finalityPollMs: 600_000 });
  const paid = await pay(facilitator, 'EVM');
  await facilitator.evm.mine(blocksToFinality);
  await facilitator.restart(eager);
  await reported(facilitator, paid, { finality: 'final' });
  expect(await walletOf(facilitator)).toEqual({ ...before, available: before.available + 10_000n });
});

test('several processes release each payment once', async () => {
  const before = await walletOf(facilitator);
  const log = createLogger({ level: 'silent' });
  const others = await Promise.all([1, 2].map(() => composeService(facilitator.config, log, { finalityPollMs: 5 })));
  const paid = await Promise.all(Array.from({ length: 30 }, () => pay(facilitator, 'EVM')));
  await facilitator.evm.mine(blocksToFinality);
  for (const each of paid) await reported(facilitator, each, { finality: 'final' });
  await Promise.all(others.map((other) => other.close()));
  expect(await walletOf(facilitator)).toEqual({ ...before, available: before.available + 300_000n });
  const journals = await journalsOf(facilitator);
  expect(journals['release']).toBe(journals['effect']);
});

test('a payment to an address that is not ours becomes final without a ledger entry', async () => {
  const journals = await journalsOf(facilitator);
  const request = await evmRequest({ payTo: sandboxKeys.evm.merchant.address });
  const paid = await pay(facilitator, 'EVM', request);
  await facilitator.evm.mine(blocksToFinality);
  await reported(facilitator, paid, { finality: 'final', credited: false });
  expect(await journalsOf(facilitator)).toEqual(journals);
});

test('a node that is away, or knows no finalized block, releases nothing early', async () => {
  const before = await walletOf(facilitator);
  const nodeIsBack = facilitator.evmRpc.use(({ method, params }) =>
    method === 'eth_getBlockByNumber' && (params as unknown[])[0] === 'finalized' ? { kind: 'drop' } : undefined,
  );
  const paid = await pay(facilitator, 'EVM');
  await facilitator.evm.mine(blocksToFinality);
  await looks(3);
  nodeIsBack();
  facilitator.evmRpc.use(({ method, params }) =>
    method === 'eth_getBlockByNumber' && (params as unknown[])[0] === 'finalized'
      ? { kind: 'error', code: -39_001, message: 'finalized block not found' }
      : undefined,
  );
  await looks(3);
  expect(await walletOf(facilitator)).toEqual({ ...before, pending: before.pending + 10_000n });
  facilitator.evmRpc.reset();
  await reported(facilitator, paid, { finality: 'final' });
});

test('without anything that waits for finality, the node is not asked for blocks', async () => {
  await untilQuiet(() => facilitator.evmRpc.calls('eth_getBlockByNumber'));
});

test('trouble with a block holds up no other, and is over when it is', async () => {
  const first = await pay(facilitator, 'EVM');
  const second = await pay(facilitator, 'EVM');
  const { evidence } = await reported(facilitator, first, { finality: 'confirmed' });
  const number = `0x${BigInt(evidence?.blockNumber ?? 0).toString(16)}`;
  // A node that says that the block is not there yet, although newer ones are.
  facilitator.evmRpc.use(({ method, params }) =>
    method === 'eth_getBlockByNumber' && (params as unknown[])[0] === number
      ? { kind: 'result', result: null }
      : undefined,
  );
  await facilitator.evm.mine(blocksToFinality + 1);
  await reported(facilitator, second, { finality: 'final' });
  await reported(facilitator, first, { finality: 'confirmed', reversedAt: null });
  facilitator.evmRpc.reset();
  await reported(facilitator, first, { finality: 'final' });
});

test('the loop survives a node and a database that fail', async () => {
  const paid = await pay(facilitator, 'EVM');
  facilitator.evmRpc.use(faultOn('eth_getBlockByNumber', { kind: 'http-status', status: 503 }));
  const owner = new Client({ connectionString: facilitator.database.ownerUrl });
  await owner.connect();
  await owner.query(`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  await owner.end();
  await new Promise((resolve) => setTimeout(resolve, 100));
  facilitator.evmRpc.reset();
  await facilitator.evm.mine(blocksToFinality);
  await reported(facilitator, paid, { finality: 'final' });
});

/** Waits until the node was asked for its finalized block so many times. */
async function looks(count: number): Promise<void> {
  const before = facilitator.evmRpc.calls('eth_getBlockByNumber');
  await eventually(() => {
    expect(facilitator.evmRpc.calls('eth_getBlockByNumber')).toBeGreaterThan(before + count * 2);
  });
}
