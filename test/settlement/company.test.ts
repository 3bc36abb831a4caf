import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import type { Address, Hex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { settleTogether } from '../support/gather.js';
import { metricOf } from '../support/metrics.js';
import { carryOut, createPayer, meddle, moveAway, takeBack, type TestPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { settle, verify } from '../support/wire.js';

const stranger = sandboxKeys.evm.stranger.address;
const silentToken: Address = '0x0000000000000000000000000000000000051137';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    env: () => ({ EVM_ASSETS: silentToken, REPLACE_AFTER_MS: '600000' }),
    overrides: { tendMs: 200 },
  });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('payments that wait behind another share one transaction, and each is credited and told once', async () => {
  const payers = await createPayers(12);
  const before = await tracesOf(facilitator, 'EVM');
  const sharedBefore = await sharedBy();
  const answers = await Promise.all(await settleTogether(facilitator, requestsOf(payers)));
  const [first, ...others] = answers.map(({ body }) => body);
  for (const body of [first, ...others]) expect(body).toMatchObject({ success: true });
  expect(new Set(others.map(({ transaction }) => transaction)).size).toBe(1);
  expect(await tracesOf(facilitator, 'EVM')).toEqual({
    ...withPayments(before, 12),
    broadcasts: before.broadcasts + 2,
  });
  const { transactions, payments } = await sharedBy();
  expect([transactions - sharedBefore.transactions, payments - sharedBefore.payments]).toEqual([2, 12]);
});

test('bad payments in a shared transaction fail alone, each for its own reason, and the good ones settle', async () => {
  const payers = await createPayers(9);
  const before = await tracesOf(facilitator, 'EVM');
  const retriesBefore = await metricOf(facilitator.url(), 'tollkeeper_payment_retries_total');
  const failedBefore = await failedPayments();
  const [, poor, revoked, helped, unlucky, ...good] = payers as [
    TestPayer,
    TestPayer,
    TestPayer,
    TestPayer,
    TestPayer,
    ...TestPayer[],
  ];
  await stopTime(facilitator, 'EVM');
  const answers = await settleTogether(facilitator, requestsOf(payers));
  await broadcasts(before.broadcasts + 2);
  // Before ours in the block.
  await meddle(facilitator.evm, moveAway(poor, stranger));
  await meddle(facilitator.evm, await takeBack(revoked));
  const theirs = await meddle(facilitator.evm, carryOut(helped, stranger));
  await meddle(facilitator.evm, moveAway(unlucky, sandboxKeys.evm.merchant.address));
  // Behind ours in the block: the money is back when the payment is looked at again.
  await meddle(
    facilitator.evm,
    { ...moveAway(unlucky, unlucky.address), from: sandboxKeys.evm.merchant.address },
    await lowPrice(facilitator.evm),
  );
  await resumeTime(facilitator, 'EVM');

  const bodies = await Promise.all(answers.map(async (answer) => (await answer).body));
  const of = (payer: TestPayer) => bodies[payers.indexOf(payer)];
  const shared = of(good[0] as TestPayer)?.transaction;
  for (const payer of good) expect(of(payer)).toMatchObject({ success: true, transaction: shared });
  expect(of(poor)).toMatchObject({ success: false, errorReason: 'invalid_exact_evm_insufficient_balance' });
  expect(of(revoked)).toMatchObject({ success: false, errorReason: 'invalid_exact_evm_nonce_already_used' });
  expect(of(helped)).toMatchObject({ success: true, transaction: theirs });
  expect(of(unlucky)).toMatchObject({ success: true });
  expect(of(unlucky)?.transaction).not.toBe(shared);
  for (const payer of payers) {
    const again = (await settle(facilitator.url(), payer.request)).body;
    expect(again).toMatchObject({
      success: false,
      errorReason: of(payer)?.success === true ? 'duplicate_settlement' : of(payer)?.errorReason,
    });
  }
  // Each that its shared transaction did not carry out; what a stranger carried out there is found instead.
  expect(await metricOf(facilitator.url(), 'tollkeeper_payment_retries_total')).toBe(retriesBefore + 3);
  expect(await failedPayments()).toBe(failedBefore + 2);
  const { transfers, credited } = withPayments(before, 7);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments: before.payments + 9 });
});

test('a token that says yes and moves nothing credits nobody, in company or alone', async () => {
  const { evm, wallet } = facilitator;
  await evm.deployToken({
    address: silentToken,
    kind: 'silent',
    name: 'Silent',
    symbol: 'SIL',
    version: '2',
    decimals: 6,
  });
  const silent = await createPayer(evm, { payTo: wallet.evm, token: silentToken, name: 'Silent' });
  const good = await createPayers(3);
  const before = await tracesOf(facilitator, 'EVM');
  const answers = await settleTogether(facilitator, requestsOf([...good, silent]));
  const bodies = await Promise.all(answers.map(async (answer) => (await answer).body));
  expect(bodies.map(({ success }) => success)).toEqual([true, true, true, false]);
  expect(bodies[3]).toMatchObject({ errorReason: 'invalid_exact_evm_transfer_event_mismatch' });
  const { transfers, credited } = withPayments(before, 3);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited });
});

test('a payer who takes the authorization back or the money away between verify and settle pays nobody', async () => {
  const payers = await createPayers(2);
  const [revoked, poor] = payers as [TestPayer, TestPayer];
  const before = await tracesOf(facilitator, 'EVM');
  for (const { request } of payers)
    expect((await verify(facilitator.url(), request)).body).toMatchObject({ isValid: true });
  await mined(await meddle(facilitator.evm, await takeBack(revoked)));
  await mined(await meddle(facilitator.evm, moveAway(poor, stranger)));
  expect((await settle(facilitator.url(), revoked.request)).body).toMatchObject({
    errorReason: 'invalid_exact_evm_nonce_already_used',
    transaction: '',
  });
  expect((await settle(facilitator.url(), poor.request)).body).toMatchObject({
    errorReason: 'invalid_exact_evm_insufficient_balance',
    transaction: '',
  });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
});

test('a payment that failed and that somebody carries out later is credited, and its success is told once', async () => {
  const [payer] = (await createPayers(1)) as [TestPayer];
  const before = await tracesOf(facilitator, 'EVM');
  const failedBefore = await failedPayments();
  await stopTime(facilitator, 'EVM');
  const answer = settle(facilitator.url(), payer.request);
  await broadcasts(before.broadcasts + 1);
  await meddle(facilitator.evm, moveAway(payer, stranger));
  await resumeTime(facilitator, 'EVM');
  const { body } = await answer;
  expect(body).toMatchObject({
    success: false,
    errorReason: 'invalid_exact_evm_transaction_failed',
    transaction: expect.stringMatching(/^0x\w{64}$/) as string,
    extra: { paymentState: 'unused' },
  });
  expect(await failedPayments()).toBe(failedBefore + 1);

  await facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to: payer.address, amount: 10_000n });
  const theirs = await meddle(facilitator.evm, carryOut(payer, stranger));
  await eventually(async () => {
    const [row] = await facilitator.database.database.sql<{ state: string }>`
      SELECT state FROM payment WHERE id = ${String(body.extra?.['paymentId'])}::uuid`;
    expect(row?.state).toBe('settled');
  });
  expect((await verify(facilitator.url(), payer.request)).body).toMatchObject({ isValid: true });
  const later = await Promise.all([1, 2, 3].map(() => settle(facilitator.url(), payer.request)));
  expect(later.map(({ body: told }) => told.transaction)).toEqual([theirs, theirs, theirs]);
  expect(later.filter(({ body: told }) => told.success)).toHaveLength(1);
  const { transfers, credited, payments } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

function createPayers(count: number): Promise<readonly TestPayer[]> {
  return Promise.all(
    Array.from({ length: count }, () => createPayer(facilitator.evm, { payTo: facilitator.wallet.evm })),
  );
}

/** What the metrics say of the transactions that were sent, and of the payments that they carried. */
async function sharedBy(): Promise<{ readonly transactions: number; readonly payments: number }> {
  const url = facilitator.url();
  return {
    transactions: await metricOf(url, 'tollkeeper_transaction_payments_count'),
    payments: await metricOf(url, 'tollkeeper_transaction_payments_sum'),
  };
}

const failedPayments = () => metricOf(facilitator.url(), 'tollkeeper_payments_concluded_total', { state: 'failed' });

function requestsOf(payers: readonly TestPayer[]) {
  return payers.map(({ request }) => request);
}

async function broadcasts(count: number): Promise<void> {
  await eventually(() => expect(facilitator.evmRpc.transactions()).toBeGreaterThanOrEqual(count));
}

async function mined(hash: string): Promise<void> {
  await eventually(async () => {
    expect(await facilitator.evm.rpc('eth_getTransactionReceipt', [hash])).toMatchObject({ status: '0x1' });
  });
}

/** Enough for the next block, and less than what we offer above its base fee. */
async function lowPrice(evm: TestFacilitator['evm']): Promise<bigint> {
  const { baseFeePerGas } = (await evm.rpc('eth_getBlockByNumber', ['latest', false])) as { baseFeePerGas: Hex };
  const priorityFee = BigInt((await evm.rpc('eth_maxPriorityFeePerGas', [])) as Hex);
  return BigInt(baseFeePerGas) + priorityFee / 2n;
}
