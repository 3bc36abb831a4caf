import { randomUUID } from 'node:crypto';
import type { Database, Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseSepolia, type Chain, type OnChainEffect } from '@tollkeeper/protocol';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../logging/logger.js';
import { createLateTransfers } from './late-transfers.js';

const network = baseSepolia;
/** Enough for a thorough look, wherever the looks before it ended. */
const manyLooks = 41;

let testDatabase: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
});
beforeEach(() => owner.query('UPDATE payment SET void_at = now()'));
afterAll(async () => {
  await owner.end();
  await testDatabase.drop();
});

/** Payments that failed so many seconds ago and whose authorizations hold for so many more. */
async function failedPayments(count: number, { ago, holdsFor }: { readonly ago: number; readonly holdsFor: number }) {
  const { rows } = await owner.query<{ id: string; claimKey: string }>(
    `INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, valid_before, state,
       transaction, failure_reason, failure_detail, submitted_at, concluded_at)
     SELECT gen_random_uuid(), gen_random_uuid()::text, 'exact', $2, '0xtoken', 1, '0xpayer', '0xpayee', 2,
       floor(extract(epoch FROM now())) + $4::integer, 'failed', '0x1', 'unexpected_settle_error', 'x',
       now() - make_interval(secs => $3), now() - make_interval(secs => $3)
     FROM generate_series(1, $1::integer)
     RETURNING id, claim_key AS "claimKey"`,
    [count, network, ago, holdsFor],
  );
  return rows;
}

/** Makes everything so many seconds older. */
const pass = (seconds: number) =>
  owner.query(
    'UPDATE payment SET valid_before = valid_before - $1::integer, concluded_at = concluded_at - make_interval(secs => $1)',
    [seconds],
  );

/** Looks at a chain on which authorizations are used, or not, and whose final block is so many seconds old. */
function lateTransfers(database: Database = testDatabase.database) {
  /** `unbooked`: the payment that cannot be booked. */
  const chainNow = { unbooked: '', isUsed: false, isTakenBack: false, finalSecondsAgo: 900, trouble: '' };
  const asked: string[] = [];
  const settled: string[] = [];
  const chain = {
    network,
    findForeignTransfers: (claims) => {
      const keys = claims.map(({ claimKey }) => claimKey);
      if (keys.includes(chainNow.trouble)) return Promise.reject(new Error('no answer'));
      asked.push(...keys);
      const effect = { transaction: '0x2' } as OnChainEffect;
      return Promise.resolve(claims.map(() => (chainNow.isUsed ? effect : undefined)));
    },
    areVoid: (claims) => {
      const finalSeconds = BigInt(Math.floor(Date.now() / 1000) - chainNow.finalSecondsAgo);
      return Promise.resolve(claims.map(({ validBefore }) => chainNow.isTakenBack || finalSeconds >= validBefore));
    },
  } as Partial<Chain> as Chain;
  const settle = ({ paymentId }: { readonly paymentId: string }) => {
    if (paymentId === chainNow.unbooked) return Promise.reject(new Error('it cannot be booked'));
    settled.push(paymentId);
    return Promise.resolve(true);
  };
  const log = createLogger({ level: 'silent' });
  return { chainNow, asked, settled, look: createLateTransfers({ database, chain, settle, log }) };
}

test('an authorization that is used before it expires is found, also ten minutes after the failure', async () => {
  const [payment] = await failedPayments(1, { ago: 601, holdsFor: 60 });
  const { chainNow, settled, look } = lateTransfers();
  await look();
  chainNow.isUsed = true;
  for (let count = 0; count < manyLooks; count += 1) {
    await pass(16);
    await look();
  }
  expect(settled).toContain(payment?.id);
});

test('an authorization that was used in time is found after an outage, however long', async () => {
  const [payment] = await failedPayments(1, { ago: 40_000, holdsFor: -39_000 });
  const { chainNow, settled, look } = lateTransfers();
  chainNow.isUsed = true;
  await look();
  expect(settled).toEqual([payment?.id]);
});

test('a payment is watched until a final block is past its expiry, and no longer', async () => {
  const [payment] = await failedPayments(1, { ago: 60, holdsFor: -10 });
  const { chainNow, asked, look } = lateTransfers();
  for (let count = 0; count < 3; count += 1) await look();
  expect(asked).toEqual([payment?.claimKey, payment?.claimKey, payment?.claimKey]);
  chainNow.finalSecondsAgo = 5;
  await look();
  expect(asked).toHaveLength(4);
  for (let count = 0; count < manyLooks; count += 1) await look();
  expect(asked).toHaveLength(4);
});

test('a payment whose authorization was taken back is not watched until it expires', async () => {
  const [payment] = await failedPayments(1, { ago: 60, holdsFor: 1_000_000 });
  const { chainNow, asked, look } = lateTransfers();
  chainNow.isTakenBack = true;
  for (let count = 0; count < manyLooks; count += 1) await look();
  expect(asked).toEqual([payment?.claimKey]);
});

test('an older failure is asked about once in many looks, a new one in each', async () => {
  const [older] = await failedPayments(1, { ago: 700, holdsFor: 3_000 });
  const [newer] = await failedPayments(1, { ago: 60, holdsFor: 3_000 });
  const { asked, look } = lateTransfers();
  for (let count = 0; count < 40; count += 1) await look();
  expect(asked.filter((key) => key === older?.claimKey)).toHaveLength(1);
  expect(asked.filter((key) => key === newer?.claimKey)).toHaveLength(40);
});

test('every failed payment is watched, however many there are', async () => {
  const older = await failedPayments(1_100, { ago: 700, holdsFor: 3_000 });
  const newer = await failedPayments(1_000, { ago: 60, holdsFor: 2_000 });
  const { asked, look } = lateTransfers();
  const all = [...older, ...newer].map(({ claimKey }) => claimKey).toSorted();
  for (let count = 0; count < 3; count += 1) await look();
  expect(asked.toSorted()).toEqual(all);
});

test('a payment that cannot be booked keeps no other from being booked', async () => {
  const payments = await failedPayments(5, { ago: 60, holdsFor: 3_000 });
  const { chainNow, settled, look } = lateTransfers();
  const [unbooked = '', ...others] = payments.map(({ id }) => id).toSorted();
  chainNow.isUsed = true;
  chainNow.unbooked = unbooked;
  await look();
  expect(settled.toSorted()).toEqual(others);
});

test('what the chain does not answer about some does not hide the others', async () => {
  const payments = await failedPayments(201, { ago: 60, holdsFor: 3_000 });
  const { chainNow, asked, look } = lateTransfers();
  chainNow.trouble = payments[0]?.claimKey ?? '';
  await look();
  expect(asked.length).toBeGreaterThanOrEqual(101);
  chainNow.trouble = randomUUID();
  await look();
  expect(new Set(asked).size).toBe(201);
});

test('a look reads only what is watched, also where the plan was made while nothing was', async () => {
  const { database } = testDatabase;
  await owner.query('ANALYZE payment');
  await failedPayments(5, { ago: 60, holdsFor: 3_000 });
  await database.transaction(async (sql) => {
    const { asked, look } = lateTransfers({ ...database, sql });
    const before = await rowsRead(sql);
    await look();
    expect(asked).toHaveLength(5);
    expect((await rowsRead(sql)) - before).toBe(5n);
  });
});

/** How many rows of payments this transaction has read. */
async function rowsRead(sql: Sql): Promise<bigint> {
  const [row] = await sql<{ read: bigint }>`
    SELECT seq_tup_read + idx_tup_fetch AS read FROM pg_stat_xact_user_tables WHERE relname = 'payment'`;
  return row?.read ?? 0n;
}
