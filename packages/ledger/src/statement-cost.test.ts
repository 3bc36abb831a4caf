import { openDatabase, type Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { amount, baseSepolia } from '@tollkeeper/protocol';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLedger } from './ledger.js';
import { createStatementReader, type StatementReader } from './statement.js';

const asset = { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };
const busyLegs = 20_000;
const quietWallets = 60;
const pageOfLegs = 500;

let testDatabase: TestDatabase;

/** One wallet has nearly all the history, and the average account hardly any, which is all that a planner knows. */
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const { database, ownerUrl } = testDatabase;
  const ledger = createLedger({ database });
  for (let filled = 0; filled < busyLegs; filled += 5_000) {
    await post(5_000, (n) => ({ key: `busy/${filled + n}`, wallet: 'busy' }));
  }
  await post(60 * quietWallets, (n) => ({ key: `quiet/${n}`, wallet: `quiet ${n % quietWallets}` }));
  const owner = new Client({ connectionString: ownerUrl });
  await owner.connect();
  await owner.query('ANALYZE transfer');
  await owner.end();

  async function post(count: number, each: (n: number) => { readonly key: string; readonly wallet: string }) {
    const postings = Array.from({ length: count }, (_, n) => {
      const { key, wallet } = each(n);
      const custody = { kind: 'custody', owner: wallet } as const;
      const pending = { kind: 'merchant_pending', owner: wallet } as const;
      return { scope: 'effect', key, legs: [{ debit: custody, credit: pending, asset, amount: amount(1n) }] };
    });
    await database.transaction((sql) => ledger.postAll(sql, postings));
  }
});
afterAll(() => testDatabase.drop());

test.each([
  ['the first page of a statement', (reader: StatementReader, account: bigint) => firstPage(reader, account)],
  ['the newest lines', (reader: StatementReader, account: bigint) => newestPage(reader, account)],
])('reading %s of a busy account costs a page and not its history, from the first time on', async (_name, read) => {
  const fresh = await openDatabase({ url: testDatabase.url, poolSize: 1, onWarning: () => undefined });
  try {
    await fresh.transaction(async (sql) => {
      const [account] = await sql<{ id: bigint }>`
        SELECT id FROM account WHERE owner = 'busy' AND kind = 'merchant_pending'`;
      const before = await legsRead(sql);
      const legs = await read(createStatementReader({ database: { ...fresh, sql } }), account?.id ?? 0n);
      expect(legs).toBe(pageOfLegs);
      expect(Number((await legsRead(sql)) - before)).toBeLessThan(3 * pageOfLegs);
    });
  } finally {
    await fresh.close();
  }
});

const never = '2999-01-01T00:00:00.000000Z';

async function firstPage(reader: StatementReader, account: bigint): Promise<number> {
  for await (const page of reader.legs([account], { from: '1970-01-01T00:00:00.000000Z', to: never }))
    return page.length;
  return 0;
}

async function newestPage(reader: StatementReader, account: bigint): Promise<number> {
  return (await reader.newestLegs([account], never, pageOfLegs)).length;
}

/** How many legs this session has read from the table. */
async function legsRead(sql: Sql): Promise<bigint> {
  const [row] = await sql<{ count: bigint }>`
    SELECT seq_tup_read + idx_tup_fetch AS count FROM pg_stat_xact_user_tables WHERE relname = 'transfer'`;
  return row?.count ?? 0n;
}
