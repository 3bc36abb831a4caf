import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseSepolia } from '@tollkeeper/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { lockEffects } from './lock-effects.js';
import { createEffectReader, type RecordedEffect } from './recorded-effect.js';

let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  await testDatabase.database.sql`INSERT INTO asset (network, token) VALUES (${baseSepolia}, 'token')`;
});
beforeEach(async () => {
  const { sql } = testDatabase.database;
  await sql`UPDATE effect SET lost_at = now(), reversed_at = now() WHERE lost_at IS NULL AND final_at IS NULL`;
  await sql`
    INSERT INTO effect (network, transaction, position, asset_id, sender, recipient, amount, block_number, block_hash)
    SELECT ${baseSepolia}, gen_random_uuid(), 0, asset.id, 'payer', 'payee', 1, 7, '0x07' FROM asset, generate_series(1, 2)`;
});
afterAll(() => testDatabase.drop());

/** The effects that are not final, as anybody reads them now. */
async function read(): Promise<readonly [RecordedEffect, RecordedEffect]> {
  const reader = createEffectReader(testDatabase.database, baseSepolia);
  const block = { number: 7n, hash: '0x07' };
  const [one, other] = await reader.inBlocks([
    { id: 0n, transaction: '', block, inclusion: 0, isReversed: false, paymentId: null },
  ]);
  return one === undefined || other === undefined ? expect.fail('there are two') : [one, other];
}

async function locked(effects: readonly RecordedEffect[]): Promise<readonly bigint[]> {
  const found = await testDatabase.database.transaction((sql) => lockEffects(sql, effects));
  return found.map(({ effect }) => effect.id);
}

test('what is as it was read is locked', async () => {
  const effects = await read();
  expect(await locked(effects)).toEqual(effects.map(({ id }) => id).toSorted());
});

test.each([
  ['taken back', (id: bigint) => testDatabase.database.sql`UPDATE effect SET reversed_at = now() WHERE id = ${id}`],
  [
    'put into another block',
    (id: bigint) => testDatabase.database.sql`UPDATE effect SET block_hash = '0x08' WHERE id = ${id}`,
  ],
  [
    'taken back and included again in the same block',
    (id: bigint) => testDatabase.database.sql`UPDATE effect SET inclusion = inclusion + 1 WHERE id = ${id}`,
  ],
  [
    'given up',
    (id: bigint) => testDatabase.database.sql`UPDATE effect SET reversed_at = now(), lost_at = now() WHERE id = ${id}`,
  ],
])('what was %s by somebody else since it was read is left alone, and nothing else is', async (_, change) => {
  const [one, other] = await read();
  await change(one.id);
  expect(await locked([one, other])).toEqual([other.id]);
});
