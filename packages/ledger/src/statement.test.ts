import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { amount, baseSepolia } from '@tollkeeper/protocol';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLedger, type Ledger } from './ledger.js';
import type { Moment } from './settled-moment.js';
import { createStatementReader, type StatementLeg, type StatementReader } from './statement.js';

const asset = { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };

let testDatabase: TestDatabase;
let ledger: Ledger;
let reader: StatementReader;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  ledger = createLedger({ database: testDatabase.database });
  reader = createStatementReader({ database: testDatabase.database });
});
afterAll(() => testDatabase.drop());

test('periods that follow each other join without a gap, while postings commit in any order', async () => {
  const wallet = 'busy';
  await credit(wallet, 1_000_000n);
  const [account] = await accountsOf(wallet);
  if (account === undefined) expect.fail('no account');
  let stopped = false;
  const posters = [1, 2, 3, 4, 5].map(async () => {
    while (!stopped) await postSlowly(wallet);
  });
  const periods: { readonly from: Moment; readonly to: Moment; readonly legs: readonly StatementLeg[] }[] = [];
  let from: Moment = '2020-01-01T00:00:00.000000Z';
  let seen = 0;
  for (let period = 0; period < 25 || seen <= 100; period += 1) {
    const to = await reader.settledMoment();
    const legs = await read([account], { from, to });
    periods.push({ from, to, legs });
    seen += legs.length;
    from = to;
  }
  stopped = true;
  await Promise.all(posters);

  let balance = 0n;
  for (const { from, to, legs } of periods) {
    expect(await balanceBefore(account, from)).toBe(balance);
    for (const leg of legs) balance += leg.creditAccountId === account ? leg.amount : -leg.amount;
    expect(await balanceBefore(account, to)).toBe(balance);
    expect(await read([account], { from, to })).toEqual(legs);
  }
  const last = await reader.settledMoment();
  const rest = await read([account], { from, to: last });
  const all = [...periods.flatMap(({ legs }) => legs), ...rest];
  expect(all).toHaveLength(await countOf(account));
  expect(new Set(all.map(({ journalId, leg }) => `${journalId}/${leg}`)).size).toBe(all.length);
});

test('a period waits for a posting that began within it, and says so when that takes too long', async () => {
  const client = new Client({ connectionString: testDatabase.ownerUrl });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_current_xact_id()');
    await expect(reader.settledMoment()).rejects.toMatchObject({ code: 'STATEMENT_NOT_SETTLED' });
    const settled = reader.settledMoment();
    await client.query('COMMIT');
    await expect(settled).resolves.toMatch(/Z$/);
  } finally {
    await client.end();
  }
});

test('a period that has not ended yet ends now', async () => {
  const wanted = new Date(Date.now() + 3_600_000);
  expect(Date.parse(await reader.settledMoment(wanted))).toBeLessThan(wanted.getTime());
  expect(await reader.settledMoment(new Date('2026-01-31T00:00:00Z'))).toBe('2026-01-31T00:00:00.000000Z');
});

test('a leg between two accounts of one statement is one line, and pages neither lose nor repeat a line', async () => {
  const wallet = 'pages';
  for (let count = 0; count < 30; count += 1) await credit(wallet, 10n);
  await database().transaction(async (sql) => {
    await ledger.postAll(
      sql,
      Array.from({ length: 30 }, (_, index) => ({
        scope: 'release',
        key: `${wallet}/${index}`,
        legs: [1n, 2n].map((units) => ({
          debit: { kind: 'merchant_pending' as const, owner: wallet },
          credit: { kind: 'merchant_available' as const, owner: wallet },
          asset,
          amount: amount(units),
        })),
      })),
    );
  });
  const accounts = await accountsOf(wallet);
  const now = await reader.settledMoment();
  const forwards = await read(accounts, { from: '2020-01-01T00:00:00.000000Z', to: now });
  expect(forwards).toHaveLength(90);
  const backwards: StatementLeg[] = [];
  for (;;) {
    const page = await reader.newestLegs(accounts, backwards.at(-1) ?? now, 7);
    backwards.push(...page);
    if (page.length < 7) break;
  }
  expect(backwards.reverse()).toEqual(forwards);
});

test('a long history is added up once', async () => {
  const wallet = 'long';
  await database().transaction(async (sql) => {
    await ledger.postAll(
      sql,
      Array.from({ length: 6_000 }, (_, index) => ({
        scope: 'effect',
        key: `${wallet}/${index}`,
        legs: [creditLeg(wallet, 3n)],
      })),
    );
  });
  const [account] = await accountsOf(wallet);
  if (account === undefined) expect.fail('no account');
  const moment = await reader.settledMoment();
  expect(await balanceBefore(account, moment)).toBe(18_000n);
  const [known] = await database().sql<{ count: bigint }>`
    SELECT count(*) AS count FROM balance_checkpoint WHERE account_id = ${account}`;
  expect(known?.count).toBe(1n);
  const later = await reader.settledMoment();
  expect(await balanceBefore(account, later)).toBe(18_000n);
  const [added] = await database().sql<{ legs: bigint }>`
    SELECT legs FROM account_totals_before(${account}, ${later}::timestamptz)`;
  expect(added?.legs).toBe(0n);
});

test('busy accounts are added up before anybody asks, and then left alone', async () => {
  const wallet = 'kept';
  for (let count = 0; count < 500; count += 1) await credit(wallet, 1n);
  const checkpoints = async () => {
    const [row] = await database().sql<{ count: bigint }>`
      SELECT count(*) AS count FROM balance_checkpoint JOIN account ON account.id = account_id WHERE owner = ${wallet}`;
    return row?.count;
  };
  await reader.takeCheckpoints();
  expect(await checkpoints()).toBe(1n);
  await reader.takeCheckpoints();
  expect(await checkpoints()).toBe(1n);
  const [account] = await accountsOf(wallet);
  expect(await balanceBefore(account ?? 0n, await reader.settledMoment())).toBe(500n);
});

test('nobody writes totals of their own making, or changes those that are kept', async () => {
  const denied = { code: '42501' };
  await expect(
    database().sql`INSERT INTO balance_checkpoint (account_id, at, debit, credit, version) VALUES (1, now(), 0, 5, 0)`,
  ).rejects.toMatchObject(denied);
  const owner = new Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
  await expect(owner.query('UPDATE balance_checkpoint SET credit = credit + 1')).rejects.toMatchObject(denied);
  await owner.end();
});

function database() {
  return testDatabase.database;
}

function creditLeg(wallet: string, units: bigint) {
  return {
    debit: { kind: 'custody' as const, owner: 'address' },
    credit: { kind: 'merchant_pending' as const, owner: wallet },
    asset,
    amount: amount(units),
  };
}

let posted = 0;

async function credit(wallet: string, units: bigint): Promise<void> {
  await database().transaction(async (sql) => {
    await ledger.post(sql, { scope: 'effect', key: `${wallet}/c${(posted += 1)}`, legs: [creditLeg(wallet, units)] });
  });
}

/** A transaction that takes its id early and posts late, or posts early and commits late. */
async function postSlowly(wallet: string): Promise<void> {
  await database().transaction(async (sql) => {
    if (Math.random() < 0.5) await sql`SELECT pg_current_xact_id()`;
    await sql`SELECT pg_sleep(random() * 0.01)`;
    const legs = [creditLeg(wallet, BigInt(1 + Math.floor(Math.random() * 9)))];
    await ledger.post(sql, { scope: 'effect', key: `${wallet}/s${(posted += 1)}`, legs });
    await sql`SELECT pg_sleep(random() * 0.01)`;
  });
}

async function accountsOf(wallet: string): Promise<readonly bigint[]> {
  const rows = await database().sql<{ id: bigint }>`SELECT id FROM account WHERE owner = ${wallet} ORDER BY id`;
  return rows.map(({ id }) => id);
}

async function balanceBefore(account: bigint, moment: Moment): Promise<bigint> {
  const [totals] = await reader.totalsBefore([account], moment);
  return totals === undefined ? expect.fail('no totals') : totals.credit - totals.debit;
}

async function read(
  accounts: readonly bigint[],
  period: { from: Moment; to: Moment },
): Promise<readonly StatementLeg[]> {
  const legs: StatementLeg[] = [];
  for await (const page of reader.legs(accounts, period)) legs.push(...page);
  return legs;
}

async function countOf(account: bigint): Promise<number> {
  const [row] = await database().sql<{ count: bigint }>`
    SELECT count(*) AS count FROM transfer WHERE debit_account_id = ${account} OR credit_account_id = ${account}`;
  return Number(row?.count);
}
