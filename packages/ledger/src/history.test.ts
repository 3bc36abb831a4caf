import { openDatabase, sqlStateOf, type Database, type Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { amount, baseSepolia, solanaDevnet, type Asset } from '@tollkeeper/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLedger, type Ledger } from './ledger.js';

const usdc: Asset = { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };
const solanaUsdc: Asset = { network: solanaDevnet, token: '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU' };

const insufficientPrivilege = '42501';
const foreignKeyViolation = '23503';
const checkViolation = '23514';

let db: TestDatabase;
/** The same database seen by its owner, whom no privilege stops. */
let owner: Database;
let ledger: Ledger;
/** A journal that is committed, with the accounts of its one leg. */
let committed: { journalId: bigint; custody: bigint; wallet: bigint; asset: number };
let journals = 0;

beforeAll(async () => {
  db = await createTestDatabase();
  const login = decodeURIComponent(new URL(db.ownerUrl).username);
  owner = await openDatabase({ url: db.ownerUrl, role: login, onWarning: () => undefined });
  ledger = createLedger({ database: db.database });
});
afterAll(async () => {
  await owner.close();
  await db.drop();
});
beforeEach(async () => {
  journals += 1;
  const key = `deposit ${journals}`;
  const legs = [
    {
      debit: { kind: 'custody', owner: key },
      credit: { kind: 'merchant_pending', owner: key },
      asset: usdc,
      amount: amount(100n),
    } as const,
  ];
  const { journalId } = await db.database.transaction((sql) => ledger.post(sql, { scope: 'test', key, legs }));
  const [leg] = await db.database.sql<Omit<typeof committed, 'journalId'>>`
    SELECT debit_account_id AS custody, credit_account_id AS wallet, asset_id AS asset
    FROM transfer WHERE journal_id = ${journalId}`;
  if (leg === undefined) throw new Error('The journal has no leg');
  committed = { journalId, ...leg };
});

async function sqlStateFrom(pending: Promise<unknown>): Promise<string | undefined> {
  return pending.then(
    () => undefined,
    (error: unknown) => sqlStateOf(error) ?? String(error),
  );
}

/** Everything that a wrong statement could have changed. */
async function books(): Promise<unknown> {
  const { sql } = owner;
  return {
    journals: await sql`SELECT * FROM journal ORDER BY id`,
    transfers: await sql`SELECT * FROM transfer ORDER BY journal_id, leg`,
    balances: await sql`SELECT * FROM balance ORDER BY account_id`,
    assets: await sql`SELECT * FROM asset ORDER BY id`,
  };
}

const changes: readonly [string, (sql: Sql) => Promise<unknown>][] = [
  ['UPDATE journal', (sql) => sql`UPDATE journal SET idempotency_key = 'another'`],
  ['UPDATE no journal', (sql) => sql`UPDATE journal SET idempotency_key = 'another' WHERE false`],
  ['DELETE journal', (sql) => sql`DELETE FROM journal`],
  ['TRUNCATE journal', (sql) => sql`TRUNCATE journal CASCADE`],
  ['UPDATE transfer', (sql) => sql`UPDATE transfer SET amount = amount + 1`],
  ['DELETE transfer', (sql) => sql`DELETE FROM transfer`],
  ['TRUNCATE transfer', (sql) => sql`TRUNCATE transfer`],
  ['DELETE account', (sql) => sql`DELETE FROM account`],
  ['UPDATE account', (sql) => sql`UPDATE account SET owner = 'another'`],
  ['TRUNCATE account', (sql) => sql`TRUNCATE account CASCADE`],
  ['UPDATE asset', (sql) => sql`UPDATE asset SET token = 'another'`],
  ['DELETE asset', (sql) => sql`DELETE FROM asset`],
  ['TRUNCATE asset', (sql) => sql`TRUNCATE asset CASCADE`],
  ['UPDATE account_kind', (sql) => sql`UPDATE account_kind SET may_overdraw = true`],
  ['DELETE account_kind', (sql) => sql`DELETE FROM account_kind`],
];

describe('history', () => {
  test.each(changes)('refuses %s from the service', async (_name, change) => {
    const before = await books();
    expect(await sqlStateFrom(change(db.database.sql))).toBe(insufficientPrivilege);
    expect(await books()).toEqual(before);
  });

  test.each(changes)('refuses %s from the owner of the tables', async (_name, change) => {
    const before = await books();
    expect(await sqlStateFrom(change(owner.sql))).toBe(insufficientPrivilege);
    expect(await books()).toEqual(before);
  });
});

describe('a leg', () => {
  const addLeg = (sql: Sql) => sql`
    INSERT INTO transfer (journal_id, leg, asset_id, debit_account_id, credit_account_id, amount)
    VALUES (${committed.journalId}, 1, ${committed.asset}, ${committed.custody}, ${committed.wallet}, 1)`;

  test('does not join a committed journal', async () => {
    const before = await books();
    expect(await sqlStateFrom(addLeg(db.database.sql))).toBe(foreignKeyViolation);
    expect(await sqlStateFrom(addLeg(owner.sql))).toBe(foreignKeyViolation);
    expect(await books()).toEqual(before);
  });

  test('joins the journal of its own transaction', async () => {
    const added = db.database.transaction(async (sql) => {
      const [journal] = await sql<{ id: bigint }>`
        INSERT INTO journal (scope, idempotency_key, body_hash) VALUES ('test', ${`own ${journals}`}, '') RETURNING id`;
      committed = { ...committed, journalId: journal?.id ?? 0n };
      await addLeg(sql);
    });
    await expect(added).resolves.toBeUndefined();
  });

  test('in bad company is refused with all of it: one journal, or one account, that is not theirs', async () => {
    const before = await books();
    const { asset, custody, wallet } = committed;
    const addLegs = (strayJournal: bigint | undefined, strayAccount: bigint) =>
      owner.transaction(async (sql) => {
        const [journal] = await sql<{ id: bigint }>`
          INSERT INTO journal (scope, idempotency_key, body_hash) VALUES ('test', 'company', '') RETURNING id`;
        const own = journal?.id ?? 0n;
        await sql`
          INSERT INTO transfer (journal_id, leg, asset_id, debit_account_id, credit_account_id, amount)
          SELECT journal, leg, ${asset}, ${custody}, account, 1
          FROM unnest(${[own, strayJournal ?? own]}::bigint[], ${[0, 1]}::smallint[], ${[wallet, strayAccount]}::bigint[])
            AS legs (journal, leg, account)`;
      });
    expect(await sqlStateFrom(addLegs(committed.journalId, wallet))).toBe(foreignKeyViolation);
    expect(await sqlStateFrom(addLegs(9_999_999n, wallet))).toBe(foreignKeyViolation);
    expect(await sqlStateFrom(addLegs(undefined, 9_999_999n))).toBe(foreignKeyViolation);
    expect(await books()).toEqual(before);
  });

  test('cannot find a journal that was dated to a later transaction', async () => {
    const dated = db.database.sql`
      INSERT INTO journal (scope, idempotency_key, body_hash, xid) VALUES ('test', 'dated', '', '999999999')`;
    expect(await sqlStateFrom(dated)).toBe(insufficientPrivilege);
  });
});

describe('a transfer', () => {
  /** A transfer in a journal of its own, past the ledger and its checks. */
  const transfer = (leg: { asset: number; debit: bigint; credit: bigint; amount?: string }) =>
    sqlStateFrom(
      owner.transaction(async (sql) => {
        const [journal] = await sql<{ id: bigint }>`
          INSERT INTO journal (scope, idempotency_key, body_hash) VALUES ('raw', ${`raw ${journals}`}, '') RETURNING id`;
        await sql`
          INSERT INTO transfer (journal_id, leg, asset_id, debit_account_id, credit_account_id, amount)
          VALUES (${journal?.id ?? 0n}, 0, ${leg.asset}, ${leg.debit}, ${leg.credit}, ${leg.amount ?? '1'}::numeric)`;
      }),
    );

  test('between accounts of two assets is refused, whichever asset it names', async () => {
    const other = await ledger.assetId(db.database.sql, solanaUsdc);
    const [wallet] = await db.database.sql<{ id: bigint }>`
      INSERT INTO account (kind, asset_id, owner) VALUES ('merchant_pending', ${other}, ${`cross ${journals}`})
      RETURNING id`;
    const sides = { debit: committed.custody, credit: wallet?.id ?? 0n };
    const before = await books();

    expect(await transfer({ ...sides, asset: committed.asset })).toBe(foreignKeyViolation);
    expect(await transfer({ ...sides, asset: other })).toBe(foreignKeyViolation);
    expect(await books()).toEqual(before);
  });

  test('from an account to itself is refused', async () => {
    const { asset, wallet } = committed;
    expect(await transfer({ asset, debit: wallet, credit: wallet })).toBe(checkViolation);
  });

  test.each(['0', '-1'])('of %s is refused', async (units) => {
    const { asset, custody, wallet } = committed;
    expect(await transfer({ asset, debit: custody, credit: wallet, amount: units })).toBe(checkViolation);
  });

  test('that overdraws is refused even to the owner', async () => {
    const { asset, custody, wallet } = committed;
    expect(await transfer({ asset, debit: wallet, credit: custody, amount: '101' })).toBe(checkViolation);
  });
});

test.each(['the service', 'the owner'])('%s cannot write a balance that nothing made', async (who) => {
  const { sql } = who === 'the owner' ? owner : db.database;
  const before = await books();
  expect(await sqlStateFrom(sql`UPDATE balance SET credit = credit + 1`)).toBe(insufficientPrivilege);
  expect(await sqlStateFrom(sql`UPDATE balance SET held = held + 1`)).toBe(insufficientPrivilege);
  expect(await sqlStateFrom(sql`UPDATE balance SET may_overdraw = true`)).toBe(insufficientPrivilege);
  expect(await sqlStateFrom(sql`DELETE FROM balance`)).toBe(insufficientPrivilege);
  expect(await sqlStateFrom(sql`TRUNCATE balance`)).toBe(insufficientPrivilege);
  const inserting = sql`INSERT INTO balance (account_id, bucket, credit, normal_side) VALUES (1, 1, 5, 'credit')`;
  expect(await sqlStateFrom(inserting)).toBe(insufficientPrivilege);
  expect(await books()).toEqual(before);
});
