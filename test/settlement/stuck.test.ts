import { sandboxKeys } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { evmRequest, freshRequest, settle } from '../support/wire.js';

const signer = sandboxKeys.evm.facilitator.address;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    env: () => ({ REPLACE_AFTER_MS: '1000', SETTLE_WAIT_MS: '60000', EVM_SIGNER_BALANCE_MIN_WEI: '1' }),
    overrides: { tendMs: 200 },
  });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  await resumeTime(facilitator, 'EVM');
  await eventually(async () => expect(await openTransactions()).toEqual([]));
  expect(await facilitator.bookProblems()).toEqual([]);
  await expectNoncesWithoutGap();
});

test('a transaction that a jump of the base fee leaves behind is outbid, and paid for once', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const before = await tracesOf(facilitator, 'EVM');
  const raised = await laneEvents('fee_raised');
  await stopTime(facilitator, 'EVM');
  const answer = settle(facilitator.url(), request);
  const [stuck] = await sent(1);
  await facilitator.evm.rpc('anvil_setNextBlockBaseFeePerGas', [numberToHex(50_000_000_000n)]);
  await resumeTime(facilitator, 'EVM');

  const { body } = await answer;
  expect(body).toMatchObject({ success: true });
  expect(body.transaction).not.toBe(stuck);
  await eventually(async () => expect(await laneEvents('fee_raised')).toBeGreaterThan(raised));
  expect((await settle(facilitator.url(), request)).body).toMatchObject({ errorReason: 'duplicate_settlement' });
  const { transfers, credited, payments } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

test('a place that its signer cannot pay for is not outbid, and goes on when there is money', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const before = await tracesOf(facilitator, 'EVM');
  const balance = await facilitator.evm.rpc('eth_getBalance', [signer, 'latest']);
  await facilitator.evm.rpc('anvil_setBalance', [signer, numberToHex(1_000n)]);
  const answer = settle(facilitator.url(), request);
  const [stuck] = await sent(1);
  await eventually(async () => expect(await laneEvents('fee_above_limit')).toBeGreaterThan(0));
  expect(await openTransactions()).toEqual([stuck]);
  await facilitator.evm.rpc('anvil_setBalance', [signer, balance]);

  // Whichever comes first: the same bytes again, or a bid that it can pay for now.
  expect((await answer).body).toMatchObject({ success: true });
  const { transfers, credited, payments } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

test('a transaction that was outbid may be the one that the chain takes', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const before = await tracesOf(facilitator, 'EVM');
  const raws: unknown[] = [];
  facilitator.evmRpc.use(({ method, params }) => {
    if (method === 'eth_sendRawTransaction') raws.push((params as readonly unknown[])[0]);
    return undefined;
  });
  await stopTime(facilitator, 'EVM');
  const answer = settle(facilitator.url(), request);
  const [first] = await sent(2);
  await eventually(() => expect(raws.length).toBeGreaterThan(1));
  // From here on the node hears nothing of the others.
  facilitator.evmRpc.use(({ method }) => (method === 'eth_sendRawTransaction' ? { kind: 'drop' } : undefined));
  await eventually(async () => {
    await facilitator.evm.rpc('anvil_dropAllTransactions', []);
    await facilitator.evm.rpc('eth_sendRawTransaction', [raws[0]]);
  });
  await resumeTime(facilitator, 'EVM');

  expect((await answer).body).toMatchObject({ success: true, transaction: first });
  const { transfers, credited, payments } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

test('payments whose place a foreign transaction of our account took get another one', async () => {
  const requests = [await freshRequest(facilitator, 'EVM'), await freshRequest(facilitator, 'EVM')];
  const before = await tracesOf(facilitator, 'EVM');
  await stopTime(facilitator, 'EVM');
  const letThrough = facilitator.evmRpc.use(({ method }) =>
    method === 'eth_sendRawTransaction' ? { kind: 'error', code: -32_000, message: 'txpool is full' } : undefined,
  );
  const answers = requests.map((request) => settle(facilitator.url(), request));
  await sent(2);
  await facilitator.evm.rpc('eth_sendTransaction', [{ from: signer, to: signer, value: '0x1' }]);
  await resumeTime(facilitator, 'EVM');
  letThrough();

  for (const { body } of await Promise.all(answers)) expect(body).toMatchObject({ success: true });
  const { transfers, credited, payments } = withPayments(before, 2);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

test('a payment that is signed for a place that a foreign transaction had taken already gets another one', async () => {
  const before = await tracesOf(facilitator, 'EVM');
  const request = await freshRequest(facilitator, 'EVM');
  await facilitator.evm.rpc('eth_sendTransaction', [{ from: signer, to: signer, value: '0x1' }]);
  expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
  const { transfers, credited, payments } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

test('one wrong account nonce moves no lane, and nothing is signed or filled for it', async () => {
  const [place, filled] = [await nextPlace(), await laneEvents('gap_filled')];
  let asked = 0;
  facilitator.evmRpc.use(({ method }) => {
    if (method !== 'eth_getTransactionCount') return undefined;
    asked += 1;
    return asked === 1 ? { kind: 'result', result: numberToHex(1_000_000n) } : undefined;
  });
  await eventually(() => expect(asked).toBeGreaterThan(2));
  expect(await nextPlace()).toBe(place);
  expect((await settle(facilitator.url(), await freshRequest(facilitator, 'EVM'))).body).toMatchObject({
    success: true,
  });
  expect(await laneEvents('gap_filled')).toBe(filled);
});

test('a place that a foreign transaction of our account took, and a reorg emptied again, does not hold up the lane', async () => {
  const foreign = await laneEvents('foreign');
  const place = await nextPlace();
  // The lane is idle, and skips the place.
  await facilitator.evm.rpc('eth_sendTransaction', [{ from: signer, to: signer, value: '0x1' }]);
  await eventually(async () => expect(await nextPlace()).toBe(place + 1n));
  expect(await laneEvents('foreign')).toBe(foreign + 1);
  await facilitator.evm.rpc('anvil_reorg', [1, []]);
  expect(BigInt(String(await facilitator.evm.rpc('eth_getTransactionCount', [signer, 'latest'])))).toBe(place);

  const before = await tracesOf(facilitator, 'EVM');
  expect((await settle(facilitator.url(), await freshRequest(facilitator, 'EVM'))).body).toMatchObject({
    success: true,
  });
  const { transfers, credited, payments } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
  const filling = () => facilitator.database.database.sql`
    SELECT state, fee_paid > 0 AS paid FROM chain_transaction WHERE account_nonce = ${place} AND purpose = 'cancellation'`;
  await eventually(async () => expect(await filling()).toContainEqual({ state: 'included', paid: true }));
  expect(await laneEvents('gap_filled')).toBe(1);
});

test('a payment that expires while it is stuck makes way for those behind it', async () => {
  const { timestamp } = (await facilitator.evm.rpc('eth_getBlockByNumber', ['latest', false])) as { timestamp: string };
  expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
  const healthy = await freshRequest(facilitator, 'EVM');
  const before = await tracesOf(facilitator, 'EVM');
  const cancelled = await laneEvents('cancelled');
  await stopTime(facilitator, 'EVM');
  // It is signed for only while it holds for six seconds more.
  const expiring = await evmRequest({
    payTo: facilitator.wallet.evm,
    validBefore: BigInt(Math.floor(Date.now() / 1000) + 13),
  });
  const dead = settle(facilitator.url(), expiring);
  await sent(1);
  const answer = settle(facilitator.url(), healthy);
  // Any of them: one that came later outbids those before it, which the node forgets then.
  const isWaiting = async (hash: string) => (await facilitator.evm.rpc('eth_getTransactionByHash', [hash])) !== null;
  await vi.waitFor(async () => expect(await Promise.all((await cancellations()).map(isWaiting))).toContain(true), {
    timeout: 40_000,
    interval: 50,
  });
  await eventually(async () => expect(await laneEvents('cancelled')).toBeGreaterThan(cancelled));
  await resumeTime(facilitator, 'EVM');

  expect((await answer).body).toMatchObject({ success: true });
  expect((await dead).body).toMatchObject({
    success: false,
    errorReason: 'invalid_exact_evm_payload_authorization_valid_before',
    extra: { paymentState: 'unused' },
  });
  const { transfers, credited } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited });
});

const laneEvents = (event: string) => metricOf(facilitator.url(), 'tollkeeper_lane_events_total', { event });

/** The account nonce that the lane gives out next. */
async function nextPlace(): Promise<bigint> {
  const [lane] = await facilitator.database.database.sql<{ next: bigint }>`SELECT next_account_nonce AS next FROM lane`;
  return lane?.next ?? expect.fail('there is a lane');
}

/** Waits until so many transactions wait for a block, and answers them in the order of signing. */
function sent(count: number): Promise<readonly string[]> {
  return eventually(async () => {
    const open = await openTransactions();
    expect(open.length).toBeGreaterThanOrEqual(count);
    return open;
  });
}

async function openTransactions(): Promise<readonly string[]> {
  const rows = await facilitator.database.database.sql<{ transaction: string }>`
    SELECT transaction FROM chain_transaction WHERE state = 'pending' ORDER BY id`;
  return rows.map(({ transaction }) => transaction);
}

async function cancellations(): Promise<readonly string[]> {
  const rows = await facilitator.database.database.sql<{ transaction: string }>`
    SELECT transaction FROM chain_transaction WHERE purpose = 'cancellation' AND state = 'pending'`;
  return rows.map(({ transaction }) => transaction);
}

/** Every place in the signer's order that was ever signed for is used on chain, by whatever took it. */
async function expectNoncesWithoutGap(): Promise<void> {
  const [row] = await facilitator.database.database.sql<{ places: bigint; last: bigint }>`
    SELECT count(DISTINCT account_nonce) AS places, coalesce(max(account_nonce), -1) AS last FROM chain_transaction`;
  expect(row?.places).toBe((row?.last ?? 0n) + 1n);
  expect(BigInt(String(await facilitator.evm.rpc('eth_getTransactionCount', [signer, 'latest'])))).toBe(row?.places);
}
