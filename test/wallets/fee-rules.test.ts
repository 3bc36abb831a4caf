import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const sql = () => testDatabase.database.sql;

async function merchant(): Promise<string> {
  const id = randomUUID();
  await sql()`INSERT INTO merchant (id, name) VALUES (${id}::uuid, ${id})`;
  return id;
}

/** Whether the database took it, and by which rule it did not. */
async function refer(merchantId: string, referrerId: string): Promise<string> {
  try {
    await sql()`
      INSERT INTO referral (merchant_id, referrer_id, share_bps) VALUES (${merchantId}::uuid, ${referrerId}::uuid, 1000)`;
    return 'taken';
  } catch (error) {
    return String((error as { constraint?: string }).constraint);
  }
}

test('a referrer is set once, is somebody else, and was not brought by the merchant', async () => {
  const [one, two, three] = [await merchant(), await merchant(), await merchant()];
  expect(await refer(one, one)).toBe('referral_not_oneself');
  expect(await refer(two, one)).toBe('taken');
  expect(await refer(two, three)).toBe('referral_pkey');
  expect(await refer(three, two)).toBe('taken');
  expect(await refer(one, three)).toBe('referral_no_loop');
  expect(await refer(one, two)).toBe('referral_no_loop');
});

test('two that would close a loop together are not both taken', async () => {
  for (let round = 0; round < 20; round += 1) {
    const [one, two] = [await merchant(), await merchant()];
    const answers = await Promise.all([refer(one, two), refer(two, one)]);
    expect(answers.sort()).toEqual(['referral_no_loop', 'taken']);
  }
});

test('whatever crowd of referrals is tried, no merchant is above itself', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { minLength: 10, maxLength: 30 }), async (pairs) => {
      const merchants = await Promise.all(Array.from({ length: 8 }, () => merchant()));
      await Promise.all(pairs.map(([from, to]) => refer(merchants[from] ?? '', merchants[to] ?? '')));
      const loops = await sql()`
        WITH RECURSIVE above AS (
          SELECT merchant_id AS start, referrer_id AS id FROM referral WHERE merchant_id = ANY(${merchants}::uuid[])
          UNION
          SELECT above.start, referral.referrer_id FROM above JOIN referral ON referral.merchant_id = above.id
        ) SELECT FROM above WHERE start = id`;
      expect(loops).toEqual([]);
    }),
    { numRuns: 15 },
  );
});

test('terms are history: none is changed, taken back or backdated, and one time has one', async () => {
  const id = await merchant();
  const set = (from: string) => sql()`
    INSERT INTO fee_terms (merchant_id, network, token, bps, fixed, effective_from)
    VALUES (${id}::uuid, 'eip155:84532', 'token', 100, 0, ${from}::timestamptz)`;
  await set('2999-01-01');
  await expect(set('2999-01-01')).rejects.toMatchObject({ constraint: 'fee_terms_once' });
  await expect(set('2020-01-01')).rejects.toMatchObject({ constraint: 'fee_terms_not_backdated' });
  const owner = new Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
  for (const table of ['fee_terms', 'referral', 'payment_fee']) {
    for (const statement of [
      `UPDATE ${table} SET merchant_id = merchant_id`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table} CASCADE`,
    ]) {
      await expect(owner.query(statement), statement).rejects.toMatchObject({ code: '42501' });
    }
  }
  await owner.end();
});
