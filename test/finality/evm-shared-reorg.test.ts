import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { settleTogether } from '../support/gather.js';
import { createPayer, meddle, moveAway, type TestPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import {
  blocksToFinality,
  eager,
  expectSoundBooks,
  journalsOf,
  rawOf,
  reorg,
  reorgKeeping,
  reported,
  slowlyFinal,
  walletOf,
  type Paid,
} from './finality-scene.js';

const depths = [1, 2, 3, 4, 5];
const crowd = 4;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false, evm: slowlyFinal, overrides: { ...eager, tendMs: 200 } });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  await expectSoundBooks(facilitator);
});

/** Payments of which all but the first share a transaction, so many blocks below the head. */
async function payTogetherUnder(depth: number): Promise<readonly [Paid, readonly Paid[]]> {
  const { evm } = facilitator;
  const payers = await createPayers();
  const paid = await payTogether(payers);
  if (depth > 1) await evm.mine(depth - 1);
  return paid;
}

function createPayers(validBefore?: bigint): Promise<readonly TestPayer[]> {
  const { evm, wallet } = facilitator;
  const offer = { payTo: wallet.evm, ...(validBefore !== undefined && { validBefore }) };
  return Promise.all(Array.from({ length: 1 + crowd }, () => createPayer(evm, offer)));
}

async function payTogether(payers: readonly TestPayer[]): Promise<readonly [Paid, readonly Paid[]]> {
  const answers = await Promise.all(
    await settleTogether(
      facilitator,
      payers.map(({ request }) => request),
    ),
  );
  const paid = answers.map(({ body }): Paid => {
    expect(body).toMatchObject({ success: true });
    return { paymentId: String(body.extra?.['paymentId']), transaction: body.transaction };
  });
  const [first, ...together] = paid;
  if (first === undefined) return expect.fail('nothing was paid');
  expect(new Set(together.map(({ transaction }) => transaction)).size).toBe(1);
  return [first, together];
}

describe.each(depths)('a reorg of %i blocks', (depth) => {
  test('that drops a shared transaction takes every credit back, and gives each again once', async () => {
    const before = { wallet: await walletOf(facilitator), journals: await journalsOf(facilitator) };
    const [, together] = await payTogetherUnder(depth);
    await stopTime(facilitator, 'EVM');
    await reorg(facilitator.evm, depth);
    for (const each of together) await reported(facilitator, each, { finality: 'reversed', credited: false });
    await resumeTime(facilitator, 'EVM');
    for (const each of together) await reported(facilitator, each, { finality: 'confirmed', credited: true });
    const { effect = 0, reversal = 0 } = before.journals;
    const journals = await journalsOf(facilitator);
    expect(journals['reversal']).toBeGreaterThanOrEqual(reversal + crowd);
    expect((journals['effect'] ?? 0) - (journals['reversal'] ?? 0)).toBe(effect - reversal + 1 + crowd);
    const held = await walletOf(facilitator);
    expect(held.pending + held.available).toBe(
      before.wallet.pending + before.wallet.available + 10_000n * BigInt(1 + crowd),
    );
  });
});

test('a reorg that keeps a shared transaction in another block only moves its payments', async () => {
  const [, together] = await payTogetherUnder(3);
  const before = await journalsOf(facilitator);
  const reports = await Promise.all(together.map((each) => reported(facilitator, each, { finality: 'confirmed' })));
  await reorgKeeping(facilitator, 3, [[await rawOf(facilitator.evm, together[0]?.transaction ?? ''), 2]]);
  for (const [index, each] of together.entries()) {
    await eventually(async () => {
      const report = await reported(facilitator, each, { finality: 'confirmed', credited: true });
      expect(report.evidence?.blockHash).not.toBe(reports[index]?.evidence?.blockHash);
      expect(report.evidence?.position).toBe(reports[index]?.evidence?.position);
    });
  }
  const { effect, reversal } = await journalsOf(facilitator);
  expect({ effect, reversal }).toEqual({ effect: before['effect'], reversal: before['reversal'] });
});

test('a payment that a reorg carries out after all, before others of its transaction, is credited too', async () => {
  const { evm } = facilitator;
  const payers = (await createPayers()).slice(0, 3);
  const broadcasts = facilitator.evmRpc.transactions();
  await evm.mine(3);
  await stopTime(facilitator, 'EVM');
  const answers = await settleTogether(
    facilitator,
    payers.map(({ request }) => request),
  );
  await eventually(() => expect(facilitator.evmRpc.transactions()).toBe(broadcasts + 2));
  await meddle(evm, moveAway(payers[1] ?? expect.fail('a payer'), sandboxKeys.evm.stranger.address));
  await resumeTime(facilitator, 'EVM');
  const bodies = (await Promise.all(answers)).map(({ body }) => body);
  expect(bodies.map(({ success }) => success)).toEqual([true, false, true]);
  const paid = bodies.map(({ extra, transaction }): Paid => ({ paymentId: String(extra?.['paymentId']), transaction }));

  // The same transactions, without the one that took the money away.
  const [first, , other] = paid as [Paid, Paid, Paid];
  const depth = await depthOf(other);
  const raws = await Promise.all([first, other].map(({ transaction }) => rawOf(evm, transaction)));
  await reorgKeeping(
    facilitator,
    depth,
    raws.map((raw) => [raw, depth - 1] as const),
  );
  for (const each of paid) await reported(facilitator, each, { finality: 'confirmed', credited: true });
});

/** How many blocks a reorg must replace to undo it. */
async function depthOf({ transaction }: Paid): Promise<number> {
  const head = await facilitator.evm.rpc('eth_blockNumber', []);
  const receipt = (await facilitator.evm.rpc('eth_getTransactionReceipt', [transaction])) as { blockNumber: string };
  return Number(BigInt(String(head)) - BigInt(receipt.blockNumber)) + 1;
}

test('a reorg that puts the transactions of a lane into one block, and one that drops all of them, change no balance', async () => {
  const before = await walletOf(facilitator);
  const [first, together] = await payTogetherUnder(1);
  const raws = await Promise.all([first, together[0] ?? first].map((each) => rawOf(facilitator.evm, each.transaction)));
  await reorgKeeping(
    facilitator,
    2,
    raws.map((raw) => [raw, 1] as const),
  );
  for (const each of [first, ...together]) await reported(facilitator, each, { finality: 'confirmed', credited: true });
  // While nothing is mined: what is sent again could be back before anybody saw that it was gone.
  await stopTime(facilitator, 'EVM');
  await reorg(facilitator.evm, 2);
  for (const each of [first, ...together]) await reported(facilitator, each, { finality: 'reversed', credited: false });
  await resumeTime(facilitator, 'EVM');
  for (const each of [first, ...together]) await reported(facilitator, each, { finality: 'confirmed', credited: true });
  await facilitator.evm.mine(blocksToFinality + 2);
  for (const each of [first, ...together]) await reported(facilitator, each, { finality: 'final', credited: true });
  const held = await walletOf(facilitator);
  expect(held.pending + held.available).toBe(before.pending + before.available + 10_000n * BigInt(1 + crowd));
});

test('a payment that fails in company after a reorg is signed for again, alone, and credited when its payer can pay', async () => {
  const { evm } = facilitator;
  const payers = await createPayers(BigInt(Math.floor(Date.now() / 1000) + 3_600));
  const [, [poor, ...others]] = await payTogether(payers);
  const payer = payers[1];
  if (poor === undefined || payer === undefined) return expect.fail('nothing was paid');
  await stopTime(facilitator, 'EVM');
  await reorg(evm, 1);
  await meddle(evm, moveAway(payer, sandboxKeys.evm.stranger.address), 400_000_000_000n);
  for (const each of [poor, ...others]) await reported(facilitator, each, { finality: 'reversed', credited: false });
  await eventually(async () => expect(await evm.rpc('eth_getTransactionByHash', [poor.transaction])).not.toBeNull());
  await resumeTime(facilitator, 'EVM');
  for (const each of others) await reported(facilitator, each, { finality: 'confirmed', credited: true });
  await reported(facilitator, poor, { finality: 'reversed', credited: false });
  await evm.mine(blocksToFinality);
  for (const each of others) await reported(facilitator, each, { finality: 'final', credited: true });
  await evm.mint({ token: BASE_SEPOLIA_USDC, to: payer.address, amount: 10_000n });
  const report = await reported(facilitator, poor, { finality: 'confirmed', credited: true });
  expect(report.attempts.map(({ transaction }) => transaction)).toEqual([
    poor.transaction,
    report.evidence?.transaction,
  ]);
});
