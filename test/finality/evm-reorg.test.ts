import { composeService, createLogger } from '@tollkeeper/facilitator';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
import { evmNetwork, startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest } from '../support/wire.js';
import {
  blocksToFinality,
  eager,
  expectSoundBooks,
  journalsOf,
  pay,
  rawOf,
  reorg,
  reorgKeeping,
  reported,
  reportOf,
  slowlyFinal,
  untilQuiet,
  walletOf,
  type Paid,
} from './finality-scene.js';

const depths = [1, 2, 3, 4, 5];

let facilitator: TestFacilitator;

beforeAll(async () => {
  // Nothing is outbid or cancelled, however long a busy machine takes while nothing is mined.
  const env = () => ({ REPLACE_AFTER_MS: '600000' });
  facilitator = await startTestFacilitator({ svm: false, evm: slowlyFinal, env, overrides: eager });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  await expectSoundBooks(facilitator);
  await facilitator.evm.mine(blocksToFinality);
  await eventually(async () => expect(await waiting()).toBe(0));
  await expectSoundBooks(facilitator);
});

function waiting(): Promise<number> {
  return metricOf(facilitator.url(), 'tollkeeper_effects_unfinal', { network: evmNetwork, state: 'confirmed' });
}

/** How often something happened to a payment since the facilitator started. */
function changes(change: string): Promise<number> {
  return metricOf(facilitator.url(), 'tollkeeper_finality_changes_total', { network: evmNetwork, change });
}

/** Pays, and buries the payment so that a reorg of `depth` blocks just undoes it. */
async function payUnder(depth: number): Promise<Paid> {
  const paid = await pay(facilitator, 'EVM');
  if (depth > 1) await facilitator.evm.mine(depth - 1);
  return paid;
}

describe.each(depths)('a reorg of %i blocks', (depth) => {
  test('that drops a payment takes its credit back, and gives it again once when it is back', async () => {
    const before = { wallet: await walletOf(facilitator), journals: await journalsOf(facilitator) };
    const paid = await payUnder(depth);
    const { evidence } = await reported(facilitator, paid, { finality: 'confirmed', credited: true });

    await stopTime(facilitator, 'EVM');
    await reorg(facilitator.evm, depth);
    await reported(facilitator, paid, { finality: 'reversed', credited: false, finalAt: null });
    expect(await walletOf(facilitator)).toEqual(before.wallet);
    await expectSoundBooks(facilitator);
    // The bytes are in the pool again, and stay there whoever sends them how often.
    await facilitator.restart(eager);
    await eventually(() => expect(facilitator.evmRpc.calls('eth_sendRawTransaction')).toBeGreaterThan(3));
    await facilitator.restart(eager);

    await resumeTime(facilitator, 'EVM');
    const again = await reported(facilitator, paid, { finality: 'confirmed', credited: true, reversedAt: null });
    expect(again.transaction).toBe(paid.transaction);
    expect(again.evidence?.blockHash).not.toBe(evidence?.blockHash);
    await facilitator.restart(eager);
    await facilitator.evm.mine(blocksToFinality);
    await reported(facilitator, paid, { finality: 'final', credited: true });
    expect(await walletOf(facilitator)).toEqual({
      ...before.wallet,
      available: before.wallet.available + before.wallet.pending + 10_000n,
      pending: 0n,
    });
    const { effect = 0, reversal = 0, release = 0 } = before.journals;
    expect(await journalsOf(facilitator)).toMatchObject({
      effect: effect + 2,
      reversal: reversal + 1,
      release: release + 1,
    });
  });

  test('that keeps a payment only moves it', async () => {
    const before = await journalsOf(facilitator);
    const paid = await payUnder(depth);
    const { evidence } = await reported(facilitator, paid, { finality: 'confirmed' });
    const moved = await changes('moved');
    await reorgKeeping(facilitator, depth, [[await rawOf(facilitator.evm, paid.transaction), depth - 1]]);
    await eventually(async () => {
      const report = await reportOf(facilitator, paid);
      expect(report.evidence).toMatchObject({ finality: 'confirmed', credited: true, reversedAt: null });
      expect(report.evidence?.blockHash).not.toBe(evidence?.blockHash);
      expect(report.evidence?.position).toBe(evidence?.position);
    });
    // A change is counted a moment after it can be read.
    await eventually(async () => expect(await changes('moved')).toBe(moved + 1));
    expect(await journalsOf(facilitator)).toEqual({ ...before, effect: (before['effect'] ?? 0) + 1 });
  });
});

test('a reorg that puts payments in another order and drops two leaves each with one credit', async () => {
  const paid: Paid[] = [];
  for (let count = 0; count < 5; count += 1) paid.push(await pay(facilitator, 'EVM'));
  const [first, second, third] = await Promise.all(paid.map((each) => rawOf(facilitator.evm, each.transaction)));
  if (first === undefined || second === undefined || third === undefined) return expect.fail('five were paid');
  const before = { moved: await changes('moved'), again: await changes('included_again') };
  await stopTime(facilitator, 'EVM');
  await reorgKeeping(facilitator, 5, [
    [first, 3],
    [second, 3],
    [third, 4],
  ]);
  for (const each of paid.slice(3)) await reported(facilitator, each, { finality: 'reversed', credited: false });
  // What was dropped is sent again and mined at once.
  await resumeTime(facilitator, 'EVM');
  await eventually(async () => {
    expect([await changes('moved'), await changes('included_again')]).toEqual([before.moved + 3, before.again + 2]);
  });
  for (const each of paid) await reported(facilitator, each, { finality: 'confirmed', credited: true });
  await facilitator.evm.mine(blocksToFinality);
  for (const each of paid) await reported(facilitator, each, { finality: 'final', credited: true });
});

test('a payment that goes and comes with every reorg is credited once in the end', async () => {
  const before = await walletOf(facilitator);
  const paid = await payUnder(2);
  for (let round = 0; round < 4; round += 1) {
    await stopTime(facilitator, 'EVM');
    await reorg(facilitator.evm, 2);
    await reported(facilitator, paid, { finality: 'reversed' });
    await facilitator.restart(eager);
    await resumeTime(facilitator, 'EVM');
    await reported(facilitator, paid, { finality: 'confirmed', credited: true });
    expect(await walletOf(facilitator)).toEqual({ ...before, pending: before.pending + 10_000n });
  }
});

test('several processes undo and redo each payment once', async () => {
  const log = createLogger({ level: 'silent' });
  const others = await Promise.all([1, 2].map(() => composeService(facilitator.config, log, { finalityPollMs: 5 })));
  const before = { wallet: await walletOf(facilitator), journals: await journalsOf(facilitator) };
  const paid: Paid[] = [];
  for (let count = 0; count < 5; count += 1) paid.push(await pay(facilitator, 'EVM'));
  await stopTime(facilitator, 'EVM');
  await reorg(facilitator.evm, 5);
  for (const each of paid) await reported(facilitator, each, { finality: 'reversed' });
  expect(await walletOf(facilitator)).toEqual(before.wallet);
  await resumeTime(facilitator, 'EVM');
  for (const each of paid) await reported(facilitator, each, { finality: 'confirmed', credited: true });
  await facilitator.evm.mine(blocksToFinality);
  for (const each of paid) await reported(facilitator, each, { finality: 'final', credited: true });
  await Promise.all(others.map((other) => other.close()));
  expect(await walletOf(facilitator)).toEqual({ pending: 0n, available: before.wallet.available + 50_000n });
  const { effect = 0, reversal = 0, release = 0 } = before.journals;
  expect(await journalsOf(facilitator)).toMatchObject({
    effect: effect + 10,
    reversal: reversal + 5,
    release: release + 5,
  });
});

test('new payments go on while a dropped one is brought back', async () => {
  const dropped = await payUnder(1);
  await reorg(facilitator.evm, 1);
  const next = await pay(facilitator, 'EVM');
  await reported(facilitator, dropped, { finality: 'confirmed', credited: true });
  await reported(facilitator, next, { finality: 'confirmed', credited: true });
});

test('a node that is behind a payment takes nothing back', async () => {
  const before = { wallet: await walletOf(facilitator), reversed: await changes('reversed') };
  const paid = await payUnder(3);
  const credited = { ...before.wallet, pending: before.wallet.pending + 10_000n };
  await reported(facilitator, paid, { finality: 'confirmed' });
  await facilitator.evm.rpc('anvil_rollback', [3]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await reportOf(facilitator, paid)).toMatchObject({ evidence: { finality: 'confirmed', credited: true } });
  expect(await changes('reversed')).toBe(before.reversed);
  expect(await walletOf(facilitator)).toEqual(credited);
  // Its place may have been filled again meanwhile, with the same bytes; if not, a chain that grows without it is news.
  await facilitator.evm.mine(5);
  await eventually(async () => {
    const receipt = await facilitator.evm.rpc('eth_getTransactionReceipt', [paid.transaction]);
    const { evidence } = await reportOf(facilitator, paid);
    expect(evidence).toMatchObject({ finality: 'confirmed', credited: true, reversedAt: null });
    expect(receipt).toMatchObject({ status: '0x1', blockHash: evidence?.blockHash });
  });
  expect(await walletOf(facilitator)).toEqual(credited);
});

// The last test, because the chain's clock is an hour ahead after it.
test('a payment whose authorization expired meanwhile stays reversed, and is given up when that is final', async () => {
  const before = await walletOf(facilitator);
  const lost = await changes('lost');
  const paid = await pay(facilitator, 'EVM', await freshRequest(facilitator, 'EVM'));
  await reported(facilitator, paid, { finality: 'confirmed' });
  await stopTime(facilitator, 'EVM');
  await reorg(facilitator.evm, 1);
  await reported(facilitator, paid, { finality: 'reversed' });
  await facilitator.evm.rpc('evm_increaseTime', [3_600]);
  await resumeTime(facilitator, 'EVM');
  // It is mined, because its account nonce is in the way of all that follows, and reverts.
  await eventually(async () => {
    expect(await facilitator.evm.rpc('eth_getTransactionReceipt', [paid.transaction])).toMatchObject({ status: '0x0' });
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await changes('lost')).toBe(lost);
  await facilitator.evm.mine(blocksToFinality);
  await eventually(async () => expect(await changes('lost')).toBe(lost + 1));
  expect(await reportOf(facilitator, paid)).toMatchObject({
    state: 'settled',
    evidence: { finality: 'reversed', credited: false },
  });
  expect(await walletOf(facilitator)).toEqual(before);

  await facilitator.restart(eager);
  await untilQuiet(() => facilitator.evmRpc.calls('eth_getTransactionReceipt'));
});
