import { BASE_SEPOLIA_USDC, createRpcGate, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { numberToHex, type Address, type Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
import { createPayer, meddle, moveAway } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf } from '../support/traces.js';
import { evmRequest, settle, verify, type WireRequest } from '../support/wire.js';

const stranger = sandboxKeys.evm.stranger.address;
const lanes = [generatePrivateKey(), generatePrivateKey()];
const [first, second] = lanes.map((key) => privateKeyToAddress(key)) as [Address, Address];
const plenty = 10n ** 18n;
/** For three or four payments at the fees of a fresh local chain. */
const dailyBudget = 10n ** 15n;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    env: () => ({
      EVM_PRIVATE_KEY: lanes.join(','),
      EVM_DAILY_BUDGET_WEI: dailyBudget.toString(),
      PAYER_FAILURES_MAX: '2',
      SETTLE_QUEUE_MAX: '3',
      MINIMUM_AMOUNT: '1000',
    }),
    overrides: { tendMs: 200 },
  });
  await Promise.all([fund(first, plenty), fund(second, plenty)]);
  await eventually(async () => expect(await signersShort()).toBe(0));
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a lane short of gas signs nothing until it is funded, and is told of', async () => {
  await fund(first, 1n);
  await eventually(async () => expect(await signersShort()).toBe(1));
  expect(await signersOf(6)).toEqual(new Set([second]));
  await fund(second, 1n);
  await eventually(async () => expect(await signersShort()).toBe(2));
  const waiting = settle(facilitator.url(), await paymentTo(await newPayee()));
  await eventually(async () => expect(await states()).toContain('claimed'));
  expect((await fetch(`${facilitator.url()}/ready`)).status).toBe(503);

  await fund(first, plenty);
  expect((await waiting).body).toMatchObject({ success: true });
  await fund(second, plenty);
  await eventually(async () => expect(await signersShort()).toBe(0));
});

test('payments to one payTo stop where the day’s budget ends, and those to others go on', async () => {
  const payee = await newPayee();
  const told: boolean[] = [];
  for (let count = 0; count < 30 && !told.includes(false); count += 1) {
    const { body } = await settle(facilitator.url(), await paymentTo(payee));
    told.push(body.success);
    if (!body.success)
      expect(body).toMatchObject({ transaction: '', errorMessage: expect.stringContaining('budget') as string });
  }
  expect(told.length).toBeGreaterThan(1);
  expect(told.at(-1)).toBe(false);
  const [row] = await facilitator.database.database.sql<{
    spent: bigint;
  }>`SELECT max(spent) AS spent FROM sponsored_fees`;
  expect(row?.spent).toBeLessThanOrEqual(dailyBudget);
  expect((await settle(facilitator.url(), await paymentTo(await newPayee()))).body).toMatchObject({ success: true });
});

test('what is not worth its network fee is refused before anything is claimed', async () => {
  const payTo = await newPayee();
  const before = await tracesOf(facilitator, 'EVM');
  const tooLittle = await evmRequest({ payTo, value: 999n });
  const reason = 'invalid_payment_requirements';
  expect((await verify(facilitator.url(), tooLittle)).body).toMatchObject({ isValid: false, invalidReason: reason });
  expect((await settle(facilitator.url(), tooLittle)).body).toMatchObject({ success: false, errorReason: reason });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
  const enough = await evmRequest({ payTo, value: 1000n });
  expect((await verify(facilitator.url(), enough)).body).toMatchObject({ isValid: true });
});

test('a payer whose payments keep failing at our cost is turned away; the payee is not', async () => {
  const payTo = await newPayee();
  const payer = await createPayer(facilitator.evm, { payTo });
  for (let failure = 0; failure < 2; failure += 1) {
    const before = await tracesOf(facilitator, 'EVM');
    await stopTime(facilitator, 'EVM');
    const answer = settle(facilitator.url(), await evmRequest({ payTo, privateKey: payer.privateKey }));
    await eventually(() => {
      expect(facilitator.evmRpc.transactions()).toBeGreaterThan(before.broadcasts);
    });
    await meddle(facilitator.evm, moveAway(payer, stranger));
    await resumeTime(facilitator, 'EVM');
    expect((await answer).body).toMatchObject({ errorReason: 'invalid_exact_evm_transaction_failed' });
    await facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to: payer.address, amount: 10_000n });
  }
  const before = await tracesOf(facilitator, 'EVM');
  const refused = await settle(facilitator.url(), await evmRequest({ payTo, privateKey: payer.privateKey }));
  expect(refused.body).toMatchObject({ success: false, transaction: '', errorReason: 'unexpected_settle_error' });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
  expect((await settle(facilitator.url(), await paymentTo(payTo))).body).toMatchObject({ success: true });

  // Ten minutes later.
  await facilitator.database.database.sql`
    UPDATE payment SET concluded_at = concluded_at - interval '10 minutes' WHERE state = 'failed'`;
  const later = await evmRequest({ payTo: await newPayee(), privateKey: payer.privateKey });
  expect((await settle(facilitator.url(), later)).body).toMatchObject({ success: true });
});

test('more than may wait are turned away before anything is claimed, and may come again', async () => {
  const gate = createRpcGate();
  const letPass = facilitator.evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));
  const payTo = await newPayee();
  const waiting = await Promise.all([1, 2, 3].map(() => requestOfNewPayer(payTo)));
  const answers = waiting.map((request) => settle(facilitator.url(), request));
  await eventually(async () => expect((await states()).filter((state) => state === 'claimed')).toHaveLength(3));
  const known = (await states()).length;

  // Who joins costs nothing more.
  const joined = settle(facilitator.url(), waiting[0]);
  const tooMany = await requestOfNewPayer(payTo);
  const response = await fetch(`${facilitator.url()}/settle`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(tooMany),
  });
  expect([response.status, Number(response.headers.get('retry-after')) > 0]).toEqual([503, true]);
  expect(await response.json()).toMatchObject({
    success: false,
    code: 'SETTLEMENT_QUEUE_FULL',
    retryable: true,
    transaction: '',
  });
  expect(await states()).toHaveLength(known);
  letPass();
  gate.open();
  const told = await Promise.all([...answers, joined]);
  expect(told.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const bodies = told.map(({ body }) => body);
  expect(bodies.filter(({ success }) => success)).toHaveLength(3);
  expect((await verify(facilitator.url(), tooMany)).body).toMatchObject({ isValid: true });
  expect((await settle(facilitator.url(), tooMany)).body).toMatchObject({ success: true });
});

test('many payments of one payer without money turn away nobody else, and the next of them before it is claimed', async () => {
  const gate = createRpcGate();
  const letPass = facilitator.evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));
  const [payTo, privateKey] = [await newPayee(), generatePrivateKey()];
  const before = (await states()).length;
  const answer = settle(facilitator.url(), await evmRequest({ payTo, privateKey }));
  await eventually(async () => expect(await states()).toHaveLength(before + 1));
  const turnedAway = await Promise.all(
    Array.from({ length: 10 }, async () => settle(facilitator.url(), await evmRequest({ payTo, privateKey }))),
  );
  for (const each of turnedAway) expect(each).toMatchObject({ status: 503, body: { code: 'SETTLEMENT_QUEUE_FULL' } });
  const others = await Promise.all([1, 2].map(() => requestOfNewPayer(payTo)));
  const answers = others.map((request) => settle(facilitator.url(), request));
  await eventually(async () => expect(await states()).toHaveLength(before + 3));

  letPass();
  gate.open();
  expect((await answer).body).toMatchObject({ errorReason: 'invalid_exact_evm_insufficient_balance' });
  for (const other of await Promise.all(answers)) expect(other.body).toMatchObject({ success: true });
  expect(await unsigned()).toBe(0);
});

test('so many find the limit who come in the same moment, while the database is slow to write', async () => {
  const payTo = await newPayee();
  const requests = await Promise.all(Array.from({ length: 20 }, () => requestOfNewPayer(payTo)));
  const inAll = { statuses: [] as number[] };
  let answers: Promise<void>[] = [];
  await facilitator.database.database.transaction(async (sql) => {
    await sql`LOCK TABLE payment IN SHARE ROW EXCLUSIVE MODE`;
    answers = requests.map(async (request) => {
      inAll.statuses.push((await settle(facilitator.url(), request)).status);
    });
    await eventually(() => expect(inAll.statuses).toHaveLength(17));
    expect(inAll.statuses).toEqual(Array(17).fill(503));
    expect(await unsigned()).toBe(3);
  });
  await Promise.all(answers);
  expect(inAll.statuses.filter((status) => status === 200)).toHaveLength(3);
  expect(await unsigned()).toBe(0);
});

async function fund(address: Address, wei: bigint): Promise<void> {
  await facilitator.evm.rpc('anvil_setBalance', [address, numberToHex(wei)]);
}

/** The accounts that carried out so many payments. */
async function signersOf(count: number): Promise<ReadonlySet<string>> {
  const payTo = await newPayee();
  const signers = new Set<string>();
  for (let done = 0; done < count; done += 1) {
    // Not all to one payTo, for which the day's budget would not suffice.
    const { body } = await settle(facilitator.url(), await paymentTo(done % 2 === 0 ? payTo : await newPayee()));
    expect(body).toMatchObject({ success: true });
    const rows = await facilitator.database.database.sql<{ signer: string }>`
      SELECT signer FROM chain_transaction WHERE transaction = ${body.transaction}`;
    for (const { signer } of rows) signers.add(signer);
  }
  return signers;
}

async function newPayee(): Promise<Hex> {
  return Promise.resolve(privateKeyToAddress(generatePrivateKey()));
}

function paymentTo(payTo: Hex): Promise<WireRequest> {
  return evmRequest({ payTo });
}

async function requestOfNewPayer(payTo: Hex): Promise<WireRequest> {
  return (await createPayer(facilitator.evm, { payTo })).request;
}

async function states(): Promise<readonly string[]> {
  const rows = await facilitator.database.database.sql<{ state: string }>`SELECT state FROM payment`;
  return rows.map(({ state }) => state);
}

const signersShort = () => metricOf(facilitator.url(), 'tollkeeper_signers_short_of_funds');
const unsigned = () => metricOf(facilitator.url(), 'tollkeeper_unsigned_payments');
