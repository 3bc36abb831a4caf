import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { carryOut, createPayer, meddle, moveAway, takeBack, type TestPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import {
  blocksToFinality,
  eager,
  expectSoundBooks,
  pay,
  reorg,
  reported,
  slowlyFinal,
  walletOf,
  type Paid,
} from './finality-scene.js';

/** An authorization outlives our transactions: what a reorg dropped is carried out by another one as long as it holds. */

const stranger = sandboxKeys.evm.stranger.address;
const signer = sandboxKeys.evm.facilitator.address;

/** More than anything of ours offers, so that it is mined first. */
const highFee = 400_000_000_000n;

let facilitator: TestFacilitator;

beforeAll(async () => {
  // Nothing is outbid or cancelled, however long a busy machine takes while nothing is mined.
  const env = () => ({ REPLACE_AFTER_MS: '600000' });
  facilitator = await startTestFacilitator({ svm: false, evm: slowlyFinal, env, overrides: { ...eager, tendMs: 50 } });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  await resumeTime(facilitator, 'EVM');
  await expectSoundBooks(facilitator);
});

test('a payment that its payer could not pay when it came back is signed for again when the payer can', async () => {
  const before = await walletOf(facilitator);
  const { paid, payer } = await payAndRevert();
  await facilitator.evm.mine(blocksToFinality);
  await eventually(async () => expect(await failedLegsOf(paid)).toBe(1));
  expect(await lostAt(paid)).toBeNull();
  await fund(payer);
  await creditedAnew(paid, before);
});

test('while its transaction might still be undone, it is not signed for again', async () => {
  const { paid, payer } = await payAndRevert();
  await fund(payer);
  const looks = facilitator.evmRpc.calls('eth_getTransactionReceipt');
  await eventually(() => expect(facilitator.evmRpc.calls('eth_getTransactionReceipt')).toBeGreaterThan(looks + 80));
  const report = await reported(facilitator, paid, { finality: 'reversed' });
  expect(report.attempts).toHaveLength(1);
  await facilitator.evm.mine(blocksToFinality);
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
});

test('a payment that a stranger carries out after ours has failed for good is credited with that transaction', async () => {
  const before = await walletOf(facilitator);
  const { paid, payer } = await payAndRevert();
  keepFromSigning();
  await facilitator.evm.mine(blocksToFinality);
  await eventually(async () => expect(await failedLegsOf(paid)).toBe(1));
  await fund(payer);
  const theirs = await meddle(facilitator.evm, carryOut(payer, stranger));
  const report = await reported(facilitator, paid, { finality: 'confirmed', credited: true, transaction: theirs });
  expect(report.attempts).toHaveLength(1);
  const { pending, available } = await walletOf(facilitator);
  expect(pending + available).toBe(before.pending + before.available + 10_000n);
});

test('a payment whose payer takes the authorization back after ours has failed is lost when that is final', async () => {
  const { paid, payer } = await payAndRevert();
  keepFromSigning();
  await facilitator.evm.mine(blocksToFinality);
  await eventually(async () => expect(await failedLegsOf(paid)).toBe(1));
  await meddle(facilitator.evm, await takeBack(payer));
  await facilitator.evm.mine();
  expect(await lostAt(paid)).toBeNull();
  await facilitator.evm.mine(blocksToFinality);
  await eventually(async () => expect(await lostAt(paid)).not.toBeNull());
});

test('a payment whose place a foreign transaction takes after a reorg gets another place', async () => {
  const { evm, evmRpc, wallet } = facilitator;
  const before = await walletOf(facilitator);
  const payer = await createPayer(evm, { payTo: wallet.evm, ...holdsForAnHour() });
  const paid = await pay(facilitator, 'EVM', payer.request);
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  const letThrough = evmRpc.use(({ method }) =>
    method === 'eth_sendRawTransaction' ? { kind: 'error', code: -32_000, message: 'txpool is full' } : undefined,
  );
  await stopTime(facilitator, 'EVM');
  await reorg(evm, 1);
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  const fee = { maxFeePerGas: numberToHex(highFee), maxPriorityFeePerGas: numberToHex(highFee) };
  const theirs = await evm.rpc('eth_sendTransaction', [{ from: signer, to: signer, value: '0x1', ...fee }]);
  await resumeTime(facilitator, 'EVM');
  await eventually(async () => expect(await evm.rpc('eth_getTransactionReceipt', [theirs])).not.toBeNull());
  letThrough();
  await creditedAnew(paid, before);
});

/** A payment that a reorg drops and that reverts when it comes back, because its payer was faster. */
async function payAndRevert(): Promise<{ readonly paid: Paid; readonly payer: TestPayer }> {
  const { evm, wallet } = facilitator;
  const payer = await createPayer(evm, { payTo: wallet.evm, ...holdsForAnHour() });
  await evm.mine(2);
  const paid = await pay(facilitator, 'EVM', payer.request);
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  await stopTime(facilitator, 'EVM');
  await reorg(evm, 1);
  await meddle(evm, moveAway(payer, stranger), highFee);
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  await eventually(async () => expect(await evm.rpc('eth_getTransactionByHash', [paid.transaction])).not.toBeNull());
  await resumeTime(facilitator, 'EVM');
  await eventually(async () => {
    expect(await evm.rpc('eth_getTransactionReceipt', [paid.transaction])).toMatchObject({ status: '0x0' });
  });
  return { paid, payer };
}

/** Waits until another transaction of ours has carried the payment out, and the money is available, once. */
async function creditedAnew(paid: Paid, before: Awaited<ReturnType<typeof walletOf>>): Promise<void> {
  await eventually(async () => {
    const report = await reported(facilitator, paid, { finality: 'confirmed', credited: true });
    expect(report.transaction).toBe(report.evidence?.transaction);
    expect(report.attempts.map(({ transaction }) => transaction)).toEqual([paid.transaction, report.transaction]);
  });
  await facilitator.evm.mine(blocksToFinality);
  await reported(facilitator, paid, { finality: 'final', credited: true });
  const { pending, available } = await walletOf(facilitator);
  expect(pending + available).toBe(before.pending + before.available + 10_000n);
}

function fund({ address }: TestPayer): Promise<void> {
  return facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to: address, amount: 10_000n });
}

function holdsForAnHour() {
  return { validBefore: BigInt(Math.floor(Date.now() / 1000) + 3_600) };
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

async function failedLegsOf({ paymentId }: Paid): Promise<number> {
  const rows = await facilitator.database.database.sql`
    SELECT FROM transaction_leg WHERE payment_id = ${paymentId}::uuid AND failed_at IS NOT NULL`;
  return rows.length;
}

async function lostAt({ paymentId }: Paid): Promise<Date | null> {
  const [row] = await facilitator.database.database.sql<{ lostAt: Date | null }>`
    SELECT lost_at AS "lostAt" FROM effect WHERE payment_id = ${paymentId}::uuid`;
  return row?.lostAt ?? null;
}
