import type { Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseMainnet, baseSepolia } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { settlementsInFlight } from './settlements-in-flight.js';

let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  await testDatabase.database.sql`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, state, transaction,
      concluded_at)
    SELECT gen_random_uuid(), 'claim' || n, 'exact', ${baseSepolia}, 'token', n, 'payer', 'payee', 2, state, 'hash' || n,
      CASE WHEN state = 'settled' THEN now() END
    FROM generate_series(1, 5000) AS n CROSS JOIN LATERAL (
      SELECT CASE WHEN n > 4990 THEN 'claimed' WHEN n > 4970 THEN 'submitted' ELSE 'settled' END AS state) AS stands`;
});
afterAll(() => testDatabase.drop());

test('what is in flight is counted without reading what is not', async () => {
  const { database } = testDatabase;
  await database.transaction(async (sql) => {
    const before = await rowsRead(sql);
    expect(await settlementsInFlight({ ...database, sql }, [baseSepolia, baseMainnet])).toEqual(
      expect.arrayContaining([
        { network: baseSepolia, state: 'claimed', count: 10 },
        { network: baseSepolia, state: 'submitted', count: 20 },
        { network: baseMainnet, state: 'claimed', count: 0 },
        { network: baseMainnet, state: 'submitted', count: 0 },
      ]),
    );
    expect((await rowsRead(sql)) - before).toBeLessThanOrEqual(200n);
  });
});

/** What this transaction has read of the table. */
async function rowsRead(sql: Sql): Promise<bigint> {
  const [row] = await sql<{ count: bigint }>`
    SELECT seq_tup_read + idx_tup_fetch AS count FROM pg_stat_xact_user_tables WHERE relname = 'payment'`;
  if (row === undefined) expect.fail('The table is not known');
  return row.count;
}
