import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { dateNextBlock, resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { createPayer, meddle, moveAway } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { evmRequest, freshRequest, type WireRequest } from '../support/wire.js';
import {
  blocksToFinality,
  eager,
  expectSoundBooks,
  pay,
  reorg,
  reported,
  slowlyFinal,
  type Paid,
} from './finality-scene.js';

/** What happens to payments that are settled while their transaction is not closed yet: two steps, with trouble in between. */

let facilitator: TestFacilitator;
let isTrouble = false;

beforeAll(async () => {
  const checkpoint = (place: string) => {
    if (isTrouble && place === 'posted') throw new Error('trouble after posting');
  };
  facilitator = await startTestFacilitator({
    svm: false,
    evm: slowlyFinal,
    env: () => ({ REPLACE_AFTER_MS: '1000' }),
    overrides: { ...eager, tendMs: 200, checkpoint },
  });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  isTrouble = false;
  facilitator.evmRpc.reset();
  await resumeTime(facilitator, 'EVM');
  await expectSoundBooks(facilitator);
});

/** Pays, and lets a reorg drop the payment before its transaction is closed. */
async function payAndLose(request: WireRequest): Promise<Paid> {
  isTrouble = true;
  const paid = await pay(facilitator, 'EVM', request);
  await stopTime(facilitator, 'EVM');
  await reorg(facilitator.evm, 1);
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  isTrouble = false;
  return paid;
}

async function purposesOf({ paymentId }: Paid): Promise<readonly string[]> {
  const rows = await facilitator.database.database.sql<{ purpose: string }>`
    SELECT purpose FROM chain_transaction
    WHERE id IN (SELECT transaction_id FROM transaction_leg WHERE payment_id = ${paymentId}::uuid) ORDER BY id`;
  return rows.map(({ purpose }) => purpose);
}

test('a settled payment that a reorg dropped keeps its place, and is credited again', async () => {
  const before = await facilitator.evm.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: payTo() });
  const paid = await payAndLose(await freshRequest(facilitator, 'EVM'));
  await eventually(async () => expect((await purposesOf(paid)).length).toBeGreaterThan(1));
  expect(await purposesOf(paid)).not.toContain('cancellation');
  await resumeTime(facilitator, 'EVM');
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  await facilitator.evm.mine(blocksToFinality);
  await reported(facilitator, paid, { finality: 'final', credited: true });
  expect(await facilitator.evm.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: payTo() })).toBe(before + 10_000n);
});

test('one that is signed for again after its transaction has failed for good keeps its new place', async () => {
  const { evm } = facilitator;
  const payer = await createPayer(evm, { payTo: payTo(), validBefore: BigInt(Math.floor(Date.now() / 1000) + 3_600) });
  await evm.mine(2);
  const paid = await pay(facilitator, 'EVM', payer.request);
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  await stopTime(facilitator, 'EVM');
  await reorg(evm, 1);
  await meddle(evm, moveAway(payer, sandboxKeys.evm.stranger.address), 400_000_000_000n);
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  await eventually(async () => expect(await evm.rpc('eth_getTransactionByHash', [paid.transaction])).not.toBeNull());
  await resumeTime(facilitator, 'EVM');
  await eventually(async () => {
    expect(await evm.rpc('eth_getTransactionReceipt', [paid.transaction])).toMatchObject({ status: '0x0' });
  });
  await evm.mint({ token: BASE_SEPOLIA_USDC, to: payer.address, amount: 10_000n });
  await stopTime(facilitator, 'EVM');
  await evm.mine(blocksToFinality);
  await eventually(async () => expect((await purposesOf(paid)).length).toBeGreaterThan(2));
  expect(await purposesOf(paid)).not.toContain('cancellation');
  await resumeTime(facilitator, 'EVM');
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
});

test('one that expired before it came back makes way, and is lost when that is final', async () => {
  // It is signed for only while it holds for six seconds more.
  const validBefore = BigInt(Math.floor(Date.now() / 1000) + 13);
  const paid = await payAndLose(await evmRequest({ payTo: payTo(), validBefore }));
  await vi.waitFor(async () => expect(await purposesOf(paid)).toContain('cancellation'), {
    timeout: 45_000,
    interval: 50,
  });
  // The payment's own bytes are gone from the pool, and the place goes to what does nothing, after the authorization's end.
  await dateNextBlock(facilitator.evm);
  await resumeTime(facilitator, 'EVM');
  await facilitator.evm.mine(blocksToFinality + 1);
  await eventually(async () => expect(await lostAt(paid)).not.toBeNull());
});

function payTo(): `0x${string}` {
  return facilitator.wallet.evm as `0x${string}`;
}

async function lostAt({ paymentId }: Paid): Promise<Date | null> {
  const [row] = await facilitator.database.database.sql<{ lostAt: Date | null }>`
    SELECT lost_at AS "lostAt" FROM effect WHERE payment_id = ${paymentId}::uuid`;
  return row?.lostAt ?? null;
}
