import { randomUUID } from 'node:crypto';
import { openDatabase, type Database } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { appendAudit } from './audit.js';
import { verifyAudit } from './verify-audit.js';

const operatorChain = '00000000-0000-0000-0000-000000000000';

let testDatabase: TestDatabase;
let database: Database;
let owner: Database;
let merchantId: string;
beforeEach(async () => {
  testDatabase = await createTestDatabase();
  database = testDatabase.database;
  const role = decodeURIComponent(new URL(testDatabase.ownerUrl).username);
  owner = await openDatabase({ url: testDatabase.ownerUrl, role, poolSize: 2, onWarning: () => undefined });
  merchantId = randomUUID();
  await database.sql`INSERT INTO merchant (id, name) VALUES (${merchantId}::uuid, 'acme')`;
});
afterEach(async () => {
  await owner.close();
  await testDatabase.drop();
});

const append = (action: string, chain: string | null = merchantId) =>
  database.transaction((sql) =>
    appendAudit(sql, {
      merchantId: chain,
      actor: { kind: 'operator' },
      action,
      subject: 'thing',
      before: { amount: 12345678901234567890n, name: 'ä"\\' },
      after: null,
      requestId: randomUUID(),
    }),
  );

/** What an intruder with the owner's rights would do; the triggers have to be switched off for it. */
async function tamper(statement: string): Promise<void> {
  await owner.transaction(async (sql) => {
    const run = (text: string) => sql(Object.assign([text], { raw: [] }) as unknown as TemplateStringsArray);
    await run('ALTER TABLE audit_entry DISABLE TRIGGER USER');
    await run(statement);
    await run('ALTER TABLE audit_entry ENABLE TRIGGER USER');
  });
}

const brokenAt = async () => (await verifyAudit(database)).map(({ broken }) => broken?.sequence ?? null);

describe('a chain', () => {
  beforeEach(async () => {
    for (let index = 1; index <= 5; index += 1) await append(`act ${index}`);
  });

  test('that nobody touched is whole, and so is the operator’s own', async () => {
    await append('pause', null);
    const reports = await verifyAudit(database);
    expect(reports.map(({ chain, entries, broken }) => [chain, entries, broken])).toEqual([
      [operatorChain, 1n, null],
      [merchantId, 5n, null],
    ]);
    const [row] = await database.sql<{ hash: Buffer }>`
      SELECT hash FROM audit_entry WHERE merchant_id = ${merchantId}::uuid ORDER BY sequence DESC LIMIT 1`;
    expect(reports[1]?.head).toBe(row?.hash.toString('hex'));
  });

  test.each([
    ['the action', `UPDATE audit_entry SET action = 'other' WHERE sequence = 3`, 3n],
    ['who did it', `UPDATE audit_entry SET actor = 'service' WHERE sequence = 2`, 2n],
    ['the time, by a microsecond', `UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE sequence = 4`, 4n],
    ['an amount', `UPDATE audit_entry SET before = jsonb_set(before, '{amount}', '"1"') WHERE sequence = 1`, 1n],
    ['the request', `UPDATE audit_entry SET request_id = NULL WHERE sequence = 5`, 5n],
    ['a hash', `UPDATE audit_entry SET hash = sha256('x') WHERE sequence = 3`, 3n],
    ['an entry away', `DELETE FROM audit_entry WHERE sequence = 3`, 3n],
    ['the last away', `DELETE FROM audit_entry WHERE sequence = 5`, 5n],
    ['all away', `DELETE FROM audit_entry`, 1n],
    ['the first and a later one', `UPDATE audit_entry SET action = 'other' WHERE sequence IN (2, 4)`, 2n],
    ['two in their order', `UPDATE audit_entry SET sequence = -sequence WHERE sequence IN (2, 3);`, 2n],
  ])('shows where somebody altered %s', async (_what, statement, first) => {
    await tamper(statement);
    expect(await brokenAt()).toEqual([first]);
  });

  test('that was made anew or removed as a whole is found by a head that was noted earlier', async () => {
    const [before] = await verifyAudit(database);
    const noted = new Map([[merchantId, { sequence: before?.entries ?? 0n, hash: before?.head ?? '' }]]);
    await append('act 6');
    expect((await verifyAudit(database, noted))[0]?.broken).toBeNull();
    await tamper('DELETE FROM audit_entry');
    await owner.sql`DELETE FROM audit_head`;
    expect((await verifyAudit(database, noted))[0]).toMatchObject({ chain: merchantId, broken: { sequence: 1n } });
    await append('forged');
    expect((await verifyAudit(database))[0]?.broken).toBeNull();
    expect((await verifyAudit(database, noted))[0]?.broken).toMatchObject({ sequence: 2n });
  });
});

test('no role changes or removes an entry, the owner included, and nobody chooses its place', async () => {
  await append('act');
  for (const { sql } of [database, owner]) {
    await expect(sql`UPDATE audit_entry SET action = 'other'`).rejects.toThrow(/denied|history/);
    await expect(sql`DELETE FROM audit_entry`).rejects.toThrow(/denied|history/);
    await expect(sql`TRUNCATE audit_entry`).rejects.toThrow(/denied|history/);
  }
  await expect(
    database.sql`INSERT INTO audit_entry (merchant_id, actor, action, sequence) VALUES (NULL, 'operator', 'x', 9)`,
  ).rejects.toThrow('permission denied');
  await expect(database.sql`UPDATE audit_head SET sequence = 0`).rejects.toThrow('permission denied');
});

test('entries that many writers append at once are one chain in the order of their commits', async () => {
  await Promise.all(
    Array.from({ length: 60 }, (_, index) => append(`act ${index}`, index % 2 === 0 ? merchantId : null)),
  );
  const reports = await verifyAudit(database);
  expect(reports.map(({ entries, broken }) => [entries, broken])).toEqual([
    [30n, null],
    [30n, null],
  ]);
});

test('an entry whose change was rolled back leaves no gap', async () => {
  const failing = database.transaction(async (sql) => {
    await appendAudit(sql, { merchantId, actor: { kind: 'operator' }, action: 'never' });
    throw new Error('changed my mind');
  });
  await expect(failing).rejects.toThrow();
  await append('act');
  expect((await verifyAudit(database)).map(({ entries, broken }) => [entries, broken])).toEqual([[1n, null]]);
});
