import { randomUUID } from 'node:crypto';
import { openDatabase, type Database, type Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { untilNobodyHoldsOldRows, updatesWithoutIndexes } from '../../../../test/support/room-for-versions.js';

const together = 64;

let testDatabase: TestDatabase;
let owner: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const role = decodeURIComponent(new URL(testDatabase.ownerUrl).username);
  owner = await openDatabase({ url: testDatabase.ownerUrl, role, poolSize: 1, onWarning: () => undefined });
  // What the server does by itself with the table would hold on to old rows, and leave no room beside them.
  await owner.sql`ALTER TABLE payment SET (autovacuum_enabled = off)`;
});
afterAll(async () => {
  await owner.close();
  await testDatabase.drop();
});

async function claim(sql: Sql, count = 1): Promise<string[]> {
  const rows = await sql<{ id: string }>`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, request)
    SELECT gen_random_uuid(), gen_random_uuid(), 'exact', 'eip155:84532', 'token', 1, 'payer', 'payee', 2, repeat('request ', 128)
    FROM generate_series(1, ${count}::integer) RETURNING id`;
  return rows.map(({ id }) => id);
}

const submit = (sql: Sql, ids: readonly string[]) => sql`
  UPDATE payment SET state = 'submitted', submitted_at = now(), transaction = repeat(id::text, 2) WHERE id = ANY(${ids}::uuid[])`;

const settle = (sql: Sql, ids: readonly string[]) => sql`
  UPDATE payment SET state = 'settled', concluded_at = now(), failure_reason = NULL WHERE id = ANY(${ids}::uuid[])`;

async function inFlight(ids: readonly string[]): Promise<readonly string[]> {
  const rows = await testDatabase.database.sql<{ id: string }>`
    SELECT payment_id AS id FROM payment_in_flight WHERE payment_id = ANY(${ids}::uuid[])`;
  return rows.map(({ id }) => id).toSorted();
}

test('a payment is in flight from its claim until it has an outcome or is forgotten', async () => {
  const { sql } = testDatabase.database;
  const [settled = '', failed = '', forgotten = '', waiting = ''] = await claim(sql, 4);
  const all = [settled, failed, forgotten, waiting];
  expect(await inFlight(all)).toEqual(all.toSorted());
  await sql`DELETE FROM payment WHERE id = ${forgotten}::uuid`;
  await submit(sql, [settled, failed, waiting]);
  expect(await inFlight(all)).toEqual([settled, failed, waiting].toSorted());
  await settle(sql, [settled]);
  await sql`
    UPDATE payment SET state = 'failed', concluded_at = now(), failure_reason = 'invalid_transaction_state' WHERE id = ${failed}::uuid`;
  expect(await inFlight(all)).toEqual([waiting]);
  await settle(sql, [failed]);
  expect(await inFlight(all)).toEqual([waiting]);
});

test('what is in flight changes with the payments and by nothing else', async () => {
  const { sql } = testDatabase.database;
  const [id = ''] = await claim(sql);
  await expect(sql`DELETE FROM payment_in_flight WHERE payment_id = ${id}::uuid`).rejects.toThrow(/permission denied/);
  await expect(sql`UPDATE payment_in_flight SET payer = 'other'`).rejects.toThrow(/permission denied/);
  await expect(sql`
    INSERT INTO payment_in_flight (payment_id, network, pay_to, token, payer, claimed_at)
    VALUES (${randomUUID()}::uuid, 'network', 'payee', 'token', 'payer', now())`).rejects.toThrow(/permission denied/);
  expect(await inFlight([id])).toEqual([id]);
});

test('a change reads only what it ends of what is in flight, also where the plan was made while nothing was', async () => {
  const { database } = testDatabase;
  await claim(owner.sql, 500);
  await owner.sql`DELETE FROM payment WHERE state = 'claimed'`;
  await owner.sql`ANALYZE payment_in_flight`;
  await database.transaction(async (sql) => {
    await submit(sql, await claim(sql, together));
    const ids = await claim(sql, 500);
    const before = await inFlightRead(sql);
    await submit(sql, ids.slice(0, together));
    expect((await inFlightRead(sql)) - before).toBe(0n);
    await settle(sql, ids.slice(0, together));
    expect((await inFlightRead(sql)) - before).toBe(BigInt(together));
  });
});

test('the way from a claim to a settled payment writes to no index of payments, as a rule', async () => {
  const { database } = testDatabase;
  const batches: string[][] = [];
  const beside: number[] = [];
  for (let turn = 0; turn < 20; turn += 1) {
    batches.push(await claim(database.sql, together));
    for (const [change, ids] of [
      [submit, batches[turn - 4] ?? []],
      [settle, batches[turn - 8] ?? []],
    ] as const) {
      await untilNobodyHoldsOldRows(owner);
      const found = await database.transaction(async (sql) => {
        const before = await updatesWithoutIndexes(sql);
        await change(sql, ids);
        return Number((await updatesWithoutIndexes(sql)) - before);
      });
      if (ids.length > 0) beside.push(found);
    }
  }
  // The server may look at old rows of other tables for a while, which leaves no room meanwhile.
  const usual = beside.toSorted((one, other) => one - other)[beside.length / 2];
  expect(usual).toBeGreaterThan(0.75 * together);
});

/** What this transaction has read of the table of what is in flight. */
async function inFlightRead(sql: Sql): Promise<bigint> {
  const [row] = await sql<{ count: bigint }>`
    SELECT seq_tup_read + idx_tup_fetch AS count FROM pg_stat_xact_user_tables WHERE relname = 'payment_in_flight'`;
  return row?.count ?? 0n;
}
