import { randomUUID } from 'node:crypto';
import type { Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listPayments, type PaymentFilter } from './list-payments.js';

const network = 'eip155:84532';
const count = 6_000;
const [busy, quiet] = [randomUUID(), randomUUID()];

let testDatabase: TestDatabase;

/** Two payments of three go to no wallet of ours, every hundredth to the quiet one; the oldest of the busy one's failed. */
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const { sql } = testDatabase.database;
  const merchantId = randomUUID();
  await sql`INSERT INTO merchant (id, name) VALUES (${merchantId}::uuid, 'acme')`;
  for (const id of [busy, quiet]) {
    await sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${id}::uuid, ${merchantId}::uuid, ${id})`;
    await sql`
      INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
      VALUES (${network}, ${id}, ${id}::uuid, '', 1)`;
  }
  await sql`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, state, failure_reason,
      transaction, claimed_at, concluded_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid, 'claim' || n, 'exact', ${network}, 'token', n, 'payer',
      CASE WHEN n % 100 = 0 THEN ${quiet} WHEN n % 3 = 0 THEN ${busy} ELSE 'elsewhere' END, 2,
      CASE WHEN n = 3 THEN 'failed' ELSE 'settled' END, CASE WHEN n = 3 THEN 'insufficient_funds' END, 'hash' || n,
      '2026-11-01T00:00:00Z'::timestamptz + make_interval(secs => n), now()
    FROM generate_series(1, ${count}::integer) AS n`;
});
afterAll(() => testDatabase.drop());

test('a wallet is listed newest first, without reading what others were paid', async () => {
  const listed = await list({ wallet: quiet, limit: 5 });
  expect(listed.amounts).toEqual([6_000n, 5_900n, 5_800n, 5_700n, 5_600n]);
  expect(listed.rowsRead).toBeLessThan(30);
});

test('what a wallet does not have is not looked for in all its history', async () => {
  for (const filter of [{ state: 'failed' }, { state: 'submitted' }, { payer: 'nobody' }, { network: 'eip155:1' }]) {
    const listed = await list({ wallet: quiet, limit: 50, ...filter });
    expect(listed.amounts).toEqual([]);
    expect(listed.rowsRead, JSON.stringify(filter)).toBeLessThan(30);
  }
});

test('what a wallet has only among its oldest is found', async () => {
  expect((await list({ wallet: busy, payer: 'payer', state: 'failed', network, limit: 50 })).amounts).toEqual([3n]);
});

test('all payments are listed by the same filters', async () => {
  expect((await list({ limit: 3 })).amounts).toEqual([6_000n, 5_999n, 5_998n]);
  expect((await list({ state: 'failed', payer: 'payer', network, limit: 3 })).amounts).toEqual([3n]);
  expect((await list({ payer: 'nobody', limit: 3 })).amounts).toEqual([]);
});

async function list(filter: PaymentFilter) {
  const { database } = testDatabase;
  return database.transaction(async (sql) => {
    const before = await rowsRead(sql);
    const found = await listPayments({ ...database, sql }, filter);
    return { amounts: found.map(({ amount }) => amount), rowsRead: Number((await rowsRead(sql)) - before) };
  });
}

async function rowsRead(sql: Sql): Promise<bigint> {
  const [row] = await sql<{ count: bigint }>`
    SELECT seq_tup_read + idx_tup_fetch AS count FROM pg_stat_xact_user_tables WHERE relname = 'payment'`;
  return row?.count ?? 0n;
}
