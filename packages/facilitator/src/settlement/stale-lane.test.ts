import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { createLedger } from '@tollkeeper/ledger';
import { amount, baseSepolia, type Chain, type Payment, type VerifiedPayment } from '@tollkeeper/protocol';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { untilSessionsWait } from '../../../../test/support/waiting-sessions.js';
import { createLogger } from '../logging/logger.js';
import type { PlannedTransaction } from './planned-transaction.js';
import { allocateAccountNonces, createLanes, lockLane, type HeldLane } from './lanes.js';
import { storeSigned } from './chain-transactions.js';
import { createClosing } from './close-transactions.js';
import { createDroppedPlaces } from './dropped-places.js';
import { createPaymentStore } from './payment-store.js';
import { createReplacing } from './replace-stuck.js';
import { createSigning } from './sign-and-store.js';
import { skipUsedNonces } from './skipped-places.js';
import { createSponsorship } from './sponsorship.js';

const network = baseSepolia;
const signer = '0x00000000000000000000000000000000000000AA';
const chain = {
  network,
  signers: [signer],
  ordered: true,
  nextAccountNonce: () => Promise.resolve(7n),
  broadcast: () => Promise.resolve({ accepted: true }),
  replace: () =>
    Promise.resolve({
      signer,
      ordered: true,
      maximumFee: 2n,
      addedFee: 1n,
      sign: (accountNonce) => signedAs('0xb1d', accountNonce),
    }),
} as Partial<Chain>;
const signedAs = (id: string, accountNonce = -1n) => ({ id, raw: new Uint8Array([1]), signer, accountNonce });

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
  const [onEvent, track, events] = [() => undefined, () => undefined, { onResend: () => undefined }];
  const parts = { database, chain: chain as Chain, processId, onEvent, track, log: createLogger({ level: 'silent' }) };
  let bidding = () => Promise.resolve();
  const sponsorship = {
    ...createSponsorship({ network, dailyBudget: () => undefined }),
    chargeBid: () => bidding(),
  };
  const ledger = createLedger(parts);
  return {
    processId,
    /** Does this in every transaction that stores a bid, before it is committed. */
    whileBidding: (work: () => Promise<void>) => (bidding = work),
    lanes: createLanes(parts),
    store: createPaymentStore({ database, processId }),
    close: createClosing({ ...parts, network, ledger }),
    replace: createReplacing({ ...parts, sponsorship }),
    refill: createDroppedPlaces({ ...parts, ledger, events, openAfterMs: 0 }),
    signAndStore: createSigning({ ...parts, sponsorship, checkpoint: () => undefined }),
  };
}

async function firstHolder() {
  const process = openProcess();
  await process.lanes.tend();
  return { process, current: process.lanes.held()[0] ?? expect.fail('nobody has the lane') };
}

/** A process that had the lane, and whose lease ran out while it slept. */
async function overslept() {
  const { process, current: stale } = await firstHolder();
  await owner.query(`UPDATE lane SET lease_until = now() - interval '1 second'; DELETE FROM settler`);
  return { process, stale };
}

/** The same, and another process has the lane now. */
async function sleeper() {
  const { process, stale } = await overslept();
  const other = openProcess();
  await other.lanes.tend();
  const current = other.lanes.held()[0] ?? expect.fail('nobody has the lane');
  expect(current.fencingToken).toBe(stale.fencingToken + 1n);
  return { process, other, stale, current };
}

/** The transactions that are stored, in the order of signing, and how they are. */
async function stored(): Promise<readonly string[]> {
  const { rows } = await owner.query<{ id: string; state: string }>(
    'SELECT transaction AS id, state FROM chain_transaction ORDER BY id',
  );
  return rows.map(({ id, state }) => `${id} ${state}`);
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

test('a lane that somebody writes for changes hands only when that is committed', async () => {
  const { process, stale } = await overslept();
  const other = openProcess();
  let taking = Promise.resolve();
  await testDatabase.database.transaction(async (sql) => {
    expect(await lockLane(sql, { ...stale, network, processId: process.processId })).toBe(true);
    taking = other.lanes.tend();
    await untilSessionsWait(testDatabase, 1);
    expect(other.lanes.held()).toEqual([]);
  });
  await taking;
  expect(other.lanes.held()).toHaveLength(1);
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
  const signed = signedAs('0x02', 7n);
  await storeSigned(testDatabase.database.sql, { network, transactions: [{ signed, paymentIds: [] }] });
  const closings = [{ sent: { ...signed, network, legs: [] }, state: 'replaced', failures: new Map() }] as const;

  expect(await process.close(closings, stale)).toEqual({ over: [], ended: [], failed: [], retries: [] });
  expect(await stored()).toEqual(['0x02 pending']);
  expect(await other.close(closings, current)).toMatchObject({ over: [signed.id], ended: ['replaced'] });
  expect(await stored()).toEqual(['0x02 replaced']);
});

test('the token of before outbids nothing', async () => {
  const { process, other, stale, current } = await sleeper();
  const signed = signedAs('0x02', 7n);
  await storeSigned(testDatabase.database.sql, { network, transactions: [{ signed, paymentIds: [] }] });
  const sent = { ...signed, network, legs: [] };
  await process.replace(stale, sent, 'again');
  expect(await stored()).toEqual(['0x02 pending']);
  await other.replace(current, sent, 'again');
  expect(await stored()).toEqual(['0x02 pending', '0xb1d pending']);
});

test('a bid that is stored while its place is closed is closed with it', async () => {
  const { process, current } = await firstHolder();
  const [first, old, bid] = [signedAs('0x01', 7n), signedAs('0x02', 7n), signedAs('0x03', 7n)];
  for (const signed of [first, old, bid]) {
    const replacement = signed === first ? {} : { replacement: { of: first.id, purpose: 'settlement' } as const };
    const transactions = [{ signed, paymentIds: [], ...replacement }];
    await storeSigned(testDatabase.database.sql, { network, transactions });
  }
  let closing: Promise<unknown> = Promise.resolve();
  process.whileBidding(async () => {
    // Neither the first nor the last one was mined.
    closing = process.close([{ sent: { ...old, network, legs: [] }, state: 'included', failures: new Map() }]);
    await untilSessionsWait(testDatabase, 1);
  });
  await process.replace(current, { ...bid, network, legs: [] }, 'again');
  await closing;
  expect(await stored()).toEqual(['0x01 replaced', '0x02 included', '0x03 replaced', '0xb1d replaced']);
});

test('the token of before opens no place again that a reorg emptied', async () => {
  const { process, other, stale, current } = await sleeper();
  const signed = signedAs('0x02', 7n);
  await storeSigned(testDatabase.database.sql, { network, transactions: [{ signed, paymentIds: [] }] });
  await owner.query(`UPDATE chain_transaction SET state = 'included', concluded_at = now()`);
  await process.refill(stale, { next: 7n, pending: [] });
  expect(await stored()).toEqual(['0x02 included']);
  await other.refill(current, { next: 7n, pending: [] });
  expect(await stored()).toEqual(['0x02 pending']);
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
        return signedAs('0x01', accountNonce);
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
