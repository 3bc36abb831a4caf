import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { createLedger } from '@tollkeeper/ledger';
import { amount, baseSepolia, type Chain, type Payment, type VerifiedPayment } from '@tollkeeper/protocol';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../logging/logger.js';
import type { PlannedTransaction } from './planned-transaction.js';
import { allocateAccountNonces, createLanes, lockLane, skipUsedNonces, type HeldLane } from './lanes.js';
import { storeSigned } from './chain-transactions.js';
import { createClosing } from './close-transactions.js';
import { createPaymentStore } from './payment-store.js';
import { createSigning } from './sign-and-store.js';
import { createSponsorship } from './sponsorship.js';

const network = baseSepolia;
const signer = '0x00000000000000000000000000000000000000AA';
const chain = {
  network,
  signers: [signer],
  ordered: true,
  nextAccountNonce: () => Promise.resolve(7n),
} as Partial<Chain>;

let testDatabase: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
});
beforeEach(async () => {
  await owner.query('DELETE FROM settler; DELETE FROM lane; DELETE FROM chain_transaction');
});
afterAll(async () => {
  await owner.end();
  await testDatabase.drop();
});

function openProcess() {
  const { database } = testDatabase;
  const processId = randomUUID();
  const onEvent = () => undefined;
  const parts = { database, chain: chain as Chain, processId, onEvent, log: createLogger({ level: 'silent' }) };
  const sponsorship = createSponsorship({ network, dailyBudget: () => undefined });
  return {
    processId,
    lanes: createLanes(parts),
    store: createPaymentStore({ database, processId }),
    close: createClosing({ ...parts, network, ledger: createLedger(parts) }),
    signAndStore: createSigning({ ...parts, sponsorship, checkpoint: () => undefined }),
  };
}

/** A process that had the lane, and whose lease ran out while it slept, so that another has it now. */
async function sleeper() {
  const process = openProcess();
  await process.lanes.tend();
  const [stale] = process.lanes.held();
  await owner.query(`UPDATE lane SET lease_until = now() - interval '1 second'; DELETE FROM settler`);
  const other = openProcess();
  await other.lanes.tend();
  const [current] = other.lanes.held();
  if (stale === undefined || current === undefined) return expect.fail('nobody has the lane');
  expect(current.fencingToken).toBe(stale.fencingToken + 1n);
  return { process, other, stale, current };
}

const nextNonce = async () =>
  (await owner.query<{ next: string }>('SELECT next_account_nonce AS next FROM lane')).rows[0]?.next;

test('the token of before allocates no account nonce, skips none and locks nothing', async () => {
  const { process, other, stale, current } = await sleeper();
  const { sql } = testDatabase.database;
  const asSleeper = (lane: HeldLane) => ({ ...lane, network, processId: process.processId });
  expect(await allocateAccountNonces(sql, { ...asSleeper(stale), count: 1 })).toBeUndefined();
  // The token that is right now, of a process that does not hold the lane.
  expect(await allocateAccountNonces(sql, { ...asSleeper(current), count: 1 })).toBeUndefined();
  await skipUsedNonces(sql, { ...asSleeper(stale), next: 100n });
  expect(await lockLane(sql, asSleeper(stale))).toBe(false);
  expect(await nextNonce()).toBe('7');
  expect(await allocateAccountNonces(sql, { ...asSleeper(current), processId: other.processId, count: 2 })).toBe(7n);
  expect(await nextNonce()).toBe('9');
});

test('a process that has the lane again cannot write with the token of the time before', async () => {
  const { process, other, stale } = await sleeper();
  await other.lanes.release();
  await process.lanes.tend();
  const [again] = process.lanes.held();
  expect(again?.fencingToken).toBe(stale.fencingToken + 2n);
  const { sql } = testDatabase.database;
  const before = { ...stale, network, processId: process.processId };
  expect(await lockLane(sql, before)).toBe(false);
  await skipUsedNonces(sql, { ...before, next: 100n });
  expect(await nextNonce()).toBe('7');
  expect(
    await allocateAccountNonces(sql, { ...stale, network, processId: process.processId, count: 1 }),
  ).toBeUndefined();
});

test('the token of before closes no place that another transaction is thought to have taken', async () => {
  const { process, other, stale, current } = await sleeper();
  const signed = { id: '0x02', raw: new Uint8Array([2]), signer, accountNonce: 7n };
  await storeSigned(testDatabase.database.sql, { network, transactions: [{ signed, paymentIds: [] }] });
  const closings = [{ sent: { ...signed, network, legs: [] }, state: 'replaced', failures: new Map() }] as const;
  const state = async () => (await owner.query<{ state: string }>('SELECT state FROM chain_transaction')).rows;

  expect(await process.close(closings, stale)).toEqual({ over: [], ended: [], failed: [], retries: [] });
  expect(await state()).toEqual([{ state: 'pending' }]);
  expect(await other.close(closings, current)).toMatchObject({ over: [signed.id], ended: ['replaced'] });
  expect(await state()).toEqual([{ state: 'replaced' }]);
});

test('what a process signs after it has lost the lane is not stored, and nothing is taken', async () => {
  const { process, stale } = await sleeper();
  const asset = { network, token: '0x00000000000000000000000000000000000000bb' };
  const claimKey = randomUUID().replaceAll('-', '');
  const authorization = { scheme: 'exact', claimKey, payer: '0xpayer', payTo: '0xpayee', asset, amount: amount(1n) };
  const requirements = {
    scheme: 'exact',
    network,
    amount: amount(1n),
    asset: asset.token,
    payTo: '0xpayee',
    maxTimeoutSeconds: 60,
  };
  const request = { x402Version: 2, accepted: {}, requirements, payload: {} } as unknown as Payment;
  const id = randomUUID();
  expect(await process.store.claim({ id, authorization, request, held: true })).toBe(true);
  const signed: bigint[] = [];
  const planned: PlannedTransaction = {
    plan: {
      signer,
      ordered: true,
      maximumFee: 1n,
      sign: (accountNonce = -1n) => {
        signed.push(accountNonce);
        return { id: '0x01', raw: new Uint8Array([1]), signer, accountNonce };
      },
    },
    payments: [
      {
        paymentId: id,
        payment: { authorization } as VerifiedPayment,
        knownInFlight: new Set(),
        alone: false,
        claimHeight: Promise.resolve(undefined),
        end: () => undefined,
      },
    ],
  };

  expect(await process.signAndStore([planned], stale)).toEqual({ kind: 'lane_lost' });
  expect(signed).toEqual([]);
  expect((await owner.query('SELECT FROM chain_transaction')).rowCount).toBe(0);
  expect((await owner.query('SELECT state FROM payment')).rows).toEqual([{ state: 'claimed' }]);
  expect(await nextNonce()).toBe('7');
});
