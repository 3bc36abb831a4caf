import { solanaDevnet } from '@tollkeeper/protocol';
import { faultOn } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import {
  eager,
  expectSoundBooks,
  journalsOf,
  pay,
  reported,
  reportOf,
  untilQuiet,
  walletOf,
} from './finality-scene.js';

/** As slow as devnet, so that a payment is not final before a busy machine has stopped the slots. */
const slowSlots = { slotMs: 400 };

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ evm: false, svm: slowSlots, overrides: eager });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  await resumeTime(facilitator, 'Solana');
  facilitator.svmRpc.reset();
  await expectSoundBooks(facilitator);
});

test('money is pending until its slot is rooted, and then available', async () => {
  const before = await walletOf(facilitator);
  const paid = await pay(facilitator, 'Solana');
  await stopTime(facilitator, 'Solana');
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  expect(await walletOf(facilitator)).toEqual({ ...before, pending: before.pending + 10_000n });
  facilitator.svm.advanceSlots(40);
  await reported(facilitator, paid, { finality: 'final', credited: true });
  expect(await walletOf(facilitator)).toEqual({ ...before, available: before.available + 10_000n });
});

test('what was rooted long ago is found in the history', async () => {
  await facilitator.restart({ finalityPollMs: 600_000 });
  const paid = await pay(facilitator, 'Solana');
  facilitator.svm.advanceSlots(1_000);
  await facilitator.restart(eager);
  await reported(facilitator, paid, { finality: 'final', credited: true });
});

test('a payment that the cluster dropped is taken back, and given again once when it is back', async () => {
  const before = { wallet: await walletOf(facilitator), journals: await journalsOf(facilitator) };
  const paid = await pay(facilitator, 'Solana');
  await stopTime(facilitator, 'Solana');
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  const clusterHasIt = forget(facilitator);
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  expect(await walletOf(facilitator)).toEqual(before.wallet);
  await facilitator.restart(eager);
  const sent = facilitator.svmRpc.calls('sendTransaction');
  await eventually(() => expect(facilitator.svmRpc.calls('sendTransaction')).toBeGreaterThan(sent));
  clusterHasIt();
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  facilitator.svm.advanceSlots(40);
  await reported(facilitator, paid, { finality: 'final', credited: true });
  const { effect = 0, reversal = 0, release = 0 } = before.journals;
  expect(await journalsOf(facilitator)).toMatchObject({
    effect: effect + 2,
    reversal: reversal + 1,
    release: release + 1,
  });
});

test('a payment that the cluster dropped is lost when its blockhash has expired', async () => {
  // A chain of its own: this one cannot really drop a transaction, so its money is there and the books are not sound after.
  const own = await startTestFacilitator({ evm: false, svm: slowSlots, overrides: eager });
  try {
    const paid = await pay(own, 'Solana');
    await stopTime(own, 'Solana');
    await reported(own, paid, { finality: 'confirmed' });
    forget(own);
    await reported(own, paid, { finality: 'reversed' });
    own.svm.advanceSlots(150);
    await looks(own);
    expect(await lostBy(own)).toBe(0);
    own.svm.advanceSlots(100);
    await eventually(async () => expect(await lostBy(own)).toBe(1));
    expect(await reportOf(own, paid)).toMatchObject({
      state: 'settled',
      evidence: { finality: 'reversed', credited: false },
    });
    expect(await walletOf(own)).toEqual({ pending: 0n, available: 0n });
    own.svmRpc.reset();
    await untilQuiet(() => own.svmRpc.calls());
  } finally {
    await own.stop();
  }
});

test('a node that has not come as far as a payment, or has forgotten it, takes nothing back', async () => {
  const paid = await pay(facilitator, 'Solana');
  await stopTime(facilitator, 'Solana');
  const { evidence } = await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  const slot = Number(evidence?.blockNumber);
  const before = await journalsOf(facilitator);
  const limits = [
    faultOn('getEpochInfo', { kind: 'result', result: { absoluteSlot: slot - 1, blockHeight: 1 } }),
    faultOn('getBlock', { kind: 'error', code: -32_001, message: 'Block cleaned up' }),
  ];
  for (const limit of limits) {
    facilitator.svmRpc.use(limit);
    forget(facilitator);
    await looks(facilitator);
    facilitator.svmRpc.reset();
  }
  expect(await journalsOf(facilitator)).toEqual(before);
});

/** Lets the node deny every payment, until the answer is called. What else is in its blocks it still knows. */
function forget({ svmRpc, svm }: TestFacilitator): () => void {
  return svmRpc.use(({ method, params }) => {
    if (method !== 'getSignatureStatuses') return undefined;
    const [signatures] = params as [readonly string[]];
    const landed = new Set(svm.landedTransactions().map(({ signature }) => signature));
    const change = (found: unknown) => {
      const { value, ...rest } = found as { readonly value: readonly unknown[] };
      return { ...rest, value: value.map((status, index) => (landed.has(signatures[index] ?? '') ? null : status)) };
    };
    return { kind: 'alter', change };
  });
}

/** Waits until the chain was looked at a few times more. */
async function looks({ svmRpc }: TestFacilitator): Promise<void> {
  const before = svmRpc.calls('getSignatureStatuses');
  await eventually(() => expect(svmRpc.calls('getSignatureStatuses')).toBeGreaterThan(before + 8));
}

function lostBy(own: TestFacilitator): Promise<number> {
  return metricOf(own.url(), 'tollkeeper_finality_changes_total', { network: solanaDevnet, change: 'lost' });
}
