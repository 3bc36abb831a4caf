import { randomUUID } from 'node:crypto';
import { openDatabase, type Database, type Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { untilNobodyHoldsOldRows, updatesWithoutIndexes } from '../../../../test/support/room-for-versions.js';
import { untilSessionsWait } from '../../../../test/support/waiting-sessions.js';
import { createAnswerStore, type Answer } from './answer-store.js';

const together = 64;

let testDatabase: TestDatabase;
let owner: Database;
/** Settled payments, as many together as were claimed together. */
let settledTogether: readonly (readonly string[])[];
/** Settled payments that nobody asks for. */
let untold: string[];

/** Payments that went through their states as many at a time as they do under load, each with a request of a usual length. */
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const role = decodeURIComponent(new URL(testDatabase.ownerUrl).username);
  owner = await openDatabase({ url: testDatabase.ownerUrl, role, poolSize: 1, onWarning: () => undefined });
  // What the server does by itself with the table would hold on to old rows, and leave no room beside them.
  await owner.sql`ALTER TABLE payment SET (autovacuum_enabled = off)`;
  const { sql } = testDatabase.database;
  const batches: string[][] = [];
  for (let turn = 0; turn < 20; turn += 1) {
    await untilNobodyHoldsOldRows(owner);
    const claimed = await sql<{ id: string }>`
      INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, request)
      SELECT gen_random_uuid(), gen_random_uuid(), 'exact', 'eip155:84532', 'token', 1, 'payer', 'payee', 2, repeat('request ', 128)
      FROM generate_series(1, ${together}::integer) RETURNING id`;
    batches.push(claimed.map(({ id }) => id));
    const [submitted = [], settled = []] = [batches[turn - 4], batches[turn - 8]];
    await sql`UPDATE payment SET state = 'submitted', submitted_at = now() WHERE id = ANY(${submitted}::uuid[])`;
    await sql`
      UPDATE payment SET state = 'settled', concluded_at = now(), transaction = id WHERE id = ANY(${settled}::uuid[])`;
  }
  settledTogether = batches.slice(4, 12);
  untold = batches[0] ?? [];
});
afterAll(async () => {
  await owner.close();
  await testDatabase.drop();
});

test('handing out answers writes to no index of payments, where nobody looks at old rows', async () => {
  const { database } = testDatabase;
  const handOut = async (work: (sql: Sql) => Promise<unknown>) => {
    await untilNobodyHoldsOldRows(owner);
    return database.transaction(async (sql) => {
      const before = await updatesWithoutIndexes(sql);
      await work(sql);
      return Number((await updatesWithoutIndexes(sql)) - before);
    });
  };
  const beside: number[] = [];
  for (const paymentIds of settledTogether) {
    const answers = paymentIds.map((paymentId) => ({ paymentId, caller: randomUUID() }));
    const taken = await handOut((sql) => {
      const { takeDelivery } = createAnswerStore({ ...database, sql });
      return Promise.all(answers.map(takeDelivery));
    });
    const confirmed = await handOut((sql) => {
      const { confirmDelivery } = createAnswerStore({ ...database, sql });
      return Promise.all(answers.map(confirmDelivery));
    });
    beside.push(taken + confirmed);
  }
  // The server may begin to look at old rows of other tables at any time, which leaves no room meanwhile.
  expect(Math.max(...beside)).toBeGreaterThan(1.5 * together);
});

test.each(['takeDelivery', 'confirmDelivery'] as const)(
  '%s locks payments in the order in which settling does, so that neither waits for the other in a circle',
  async (operation) => {
    const { database } = testDatabase;
    const paymentIds = settledTogether[0] ?? [];
    const inOrder = paymentIds.toSorted();
    const tries = { answering: 0, settling: 0 };
    let letGo: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (letGo = resolve));
    let holding = Promise.resolve();
    await new Promise<void>((resolve) => {
      holding = database.transaction(async (sql) => {
        await sql`SELECT FROM payment WHERE id = ${inOrder[0] ?? ''}::uuid FOR UPDATE`;
        resolve();
        await released;
      });
    });
    const settling = database.transaction(async (sql) => {
      tries.settling += 1;
      await sql`SELECT id FROM payment WHERE id = ANY(${inOrder}::uuid[]) ORDER BY id FOR UPDATE`;
    });
    await untilSessionsWait(testDatabase, 1);
    const answering = database.transaction(async (sql) => {
      tries.answering += 1;
      const store = createAnswerStore({ ...database, sql });
      await Promise.all(paymentIds.map((paymentId) => store[operation]({ paymentId, caller: randomUUID() })));
    });
    await untilSessionsWait(testDatabase, 2);
    letGo();
    await Promise.all([holding, settling, answering]);
    expect(tries).toEqual({ answering: 1, settling: 1 });
  },
);

test.each(['returnDelivery', 'confirmDelivery'] as const)(
  '%s of a caller whose lease ran out ends nothing of the caller who has it since',
  async (operation) => {
    const store = createAnswerStore(testDatabase.database);
    const paymentId = untold.pop() ?? expect.fail('a payment');
    const [late, current, next] = [1, 2, 3].map(() => ({ paymentId, caller: randomUUID() })) as [
      Answer,
      Answer,
      Answer,
    ];
    expect(await store.takeDelivery(late)).toBeDefined();
    expect(await store.takeDelivery(current)).toBeUndefined();
    await owner.sql`
      UPDATE payment SET delivery_lease_until = now() - interval '1 second' WHERE id = ${paymentId}::uuid`;
    expect(await store.takeDelivery(current)).toBeDefined();

    await store[operation](late);
    expect(await store.takeDelivery(next)).toBeUndefined();
    await store.returnDelivery(current);
    expect(await store.takeDelivery(next)).toBeDefined();
  },
);
