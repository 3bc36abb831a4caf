import { isFault } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type Sql } from './index.js';
import { eventually } from '../../../test/support/eventually.js';
import { createTestDatabase, type TestDatabase } from './testing/index.js';
import { withAdmin } from './testing/template-database.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const put = (sql: Sql, name: string, value = '') => sql`INSERT INTO setting (name, value) VALUES (${name}, ${value})`;
const names = async () => (await db.database.sql<{ name: string }>`SELECT name FROM setting`).map(({ name }) => name);

async function caught(pending: Promise<unknown>): Promise<unknown> {
  return pending.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Ends the session under a transaction, by the owner's hand. */
async function terminate(sql: Sql): Promise<void> {
  const [row] = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`;
  await withAdmin(db.ownerUrl, (admin) => admin.query('SELECT pg_terminate_backend($1, 5000)', [row?.pid]));
}

test('what a transaction did is kept when it returns and gone when it throws', async () => {
  const answer = await db.database.transaction(async (sql) => {
    await put(sql, 'kept');
    return 'done';
  });
  const failure = new Error('changed my mind');
  const failing = db.database.transaction(async (sql) => {
    await put(sql, 'gone');
    throw failure;
  });
  expect(answer).toBe('done');
  await expect(failing).rejects.toBe(failure);
  expect(await names()).toContain('kept');
  expect(await names()).not.toContain('gone');
});

test('a rolled-back connection is used again', async () => {
  const single = await openDatabase({ url: db.url, poolSize: 1, onWarning: () => undefined });
  const pid = async () => (await single.sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`)[0]?.pid;
  const before = await pid();
  await caught(single.transaction((sql) => sql`SELECT 1 / 0`));
  expect(await pid()).toBe(before);
  await single.close();
});

test('a transaction whose failed statement was swallowed is not taken for committed', async () => {
  const pending = db.database.transaction(async (sql) => {
    await put(sql, 'swallowed');
    await caught(sql`SELECT 1 / 0`);
  });
  await expect(pending).rejects.toThrow('Nothing was committed');
  expect(await names()).not.toContain('swallowed');
});

test('a statement that was not awaited undoes the transaction', async () => {
  const pending = db.database.transaction(async (sql) => {
    void caught(put(sql, 'floating'));
  });
  await expect(pending).rejects.toThrow('await each of them');
  expect(await names()).not.toContain('floating');
});

test('the template of a finished transaction runs nothing more', async () => {
  const escaped = await db.database.transaction((sql) => Promise.resolve(sql));
  await expect(escaped`SELECT 1`).rejects.toThrow('This transaction is over');
});

test('two transactions that deadlock both succeed, because the victim runs again', async () => {
  const { database } = db;
  for (const name of ['left', 'right']) {
    await database.sql`INSERT INTO lane (network, signer, next_account_nonce) VALUES ('eip155:1', ${name}, 0)`;
  }
  const held = new Set<string>();
  let attempts = 0;
  const lockInOrder = (first: string, second: string) =>
    database.transaction(async (sql) => {
      attempts += 1;
      await sql`UPDATE lane SET next_account_nonce = next_account_nonce + 1 WHERE signer = ${first}`;
      held.add(first);
      while (held.size < 2) await sql`SELECT pg_sleep(0.005)`;
      await sql`UPDATE lane SET next_account_nonce = next_account_nonce + 1 WHERE signer = ${second}`;
    });
  await Promise.all([lockInOrder('left', 'right'), lockInOrder('right', 'left')]);
  expect(attempts).toBe(3);
  expect(await database.sql`SELECT next_account_nonce AS n FROM lane`).toEqual([{ n: 2n }, { n: 2n }]);
});

test('two statements that deadlock both succeed, because the victim runs again', async () => {
  const { sql } = db.database;
  const names = Array.from({ length: 40 }, (_, n) => n.toString().padStart(2, '0'));
  await sql`
    INSERT INTO lane (network, signer, next_account_nonce) SELECT 'eip155:2', name, 0 FROM unnest(${names}::text[]) AS name`;
  const before = await deadlocks();
  // Each locks the rows one after the other, slowly, and in the order that it is given.
  const count = (order: readonly string[]) => sql`
    WITH RECURSIVE turn AS (
      SELECT name, place FROM unnest(${order}::text[]) WITH ORDINALITY AS given (name, place)
    ), locked AS MATERIALIZED (
      SELECT lane.signer, pg_sleep(0.002)::text AS slept FROM turn CROSS JOIN LATERAL (
        SELECT signer FROM lane WHERE network = 'eip155:2' AND signer = turn.name FOR UPDATE
      ) AS lane
    )
    UPDATE lane SET next_account_nonce = next_account_nonce + 1 FROM locked
    WHERE lane.network = 'eip155:2' AND lane.signer = locked.signer AND locked.slept = ''`;
  await Promise.all([count(names), count(names.toReversed())]);
  expect(await sql`SELECT DISTINCT next_account_nonce AS n FROM lane WHERE network = 'eip155:2'`).toEqual([{ n: 2n }]);
  await eventually(async () => expect(await deadlocks()).toBeGreaterThan(before));
});

async function deadlocks(): Promise<bigint> {
  const [row] = await db.database.sql<{ count: bigint }>`
    SELECT deadlocks AS count FROM pg_stat_database WHERE datname = current_database()`;
  return row?.count ?? 0n;
}

test('a conflict that never ends is passed on after a bounded number of attempts', async () => {
  let attempts = 0;
  const pending = db.database.transaction(async (sql) => {
    attempts += 1;
    await sql`DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = 'serialization_failure'; END $$`;
  });
  await expect(pending).rejects.toMatchObject({ code: '40001' });
  expect(attempts).toBe(5);
});

test('a connection lost in a transaction is a fault, is not retried, and is not given out again', async () => {
  const single = await openDatabase({ url: db.url, poolSize: 1, onWarning: () => undefined });
  let attempts = 0;
  const error = await caught(
    single.transaction(async (sql) => {
      attempts += 1;
      await terminate(sql);
      await sql`SELECT 1`;
    }),
  );
  expect(isFault(error, 'DATABASE_UNAVAILABLE')).toBe(true);
  expect(attempts).toBe(1);
  expect(await single.sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  await single.close();
});

test('a commit whose answer was lost says that its outcome is unknown', async () => {
  const single = await openDatabase({ url: db.url, poolSize: 1, onWarning: () => undefined });
  const error = await caught(single.transaction((sql) => terminate(sql)));
  expect(isFault(error, 'DATABASE_UNAVAILABLE') && error.facts['commit']).toBe('unknown');
  await single.close();
});
