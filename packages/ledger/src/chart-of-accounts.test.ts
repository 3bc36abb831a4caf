import { readFile } from 'node:fs/promises';
import { sqlStateOf, type Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { amount, baseSepolia } from '@tollkeeper/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accountKinds, type AccountKind } from './chart-of-accounts.js';
import { createLedger, type Ledger } from './ledger.js';

const asset = { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };
const kinds = Object.keys(accountKinds) as AccountKind[];

let db: TestDatabase;
let sql: Sql;
let ledger: Ledger;

beforeAll(async () => {
  db = await createTestDatabase();
  sql = db.database.sql;
  ledger = createLedger({ database: db.database });
});
afterAll(() => db.drop());

test('the database has the kinds of the chart, with their sides and what may overdraw', async () => {
  const rows = await sql<{ kind: string; normalSide: string; mayOverdraw: boolean }>`
    SELECT kind, normal_side AS "normalSide", may_overdraw AS "mayOverdraw" FROM account_kind`;
  const inDatabase = Object.fromEntries(rows.map(({ kind, ...rules }) => [kind, rules]));
  const inCode = Object.fromEntries(
    Object.entries(accountKinds).map(([kind, { normalSide, mayOverdraw }]) => [kind, { normalSide, mayOverdraw }]),
  );
  expect(inDatabase).toEqual(inCode);
});

test('the chart is one screen, and says of every kind what it is', () => {
  expect(kinds.length).toBeLessThan(20);
  for (const kind of kinds) {
    expect(accountKinds[kind].meaning).toMatch(/^[A-Z].*\.$/);
    expect(accountKinds[kind].owner).not.toBe('');
  }
});

test('the documentation has the chart, row by row', async () => {
  const page = await readFile(new URL('../../../docs/ledger.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` +\| (debit|credit) +\| (yes|no) +\| (.+?) +\| (.+?) +\|$/gm)];
  expect(rows.map(([, ...cells]) => cells)).toEqual(
    kinds.map((kind) => {
      const { normalSide, mayOverdraw, owner, meaning } = accountKinds[kind];
      return [kind, normalSide, mayOverdraw ? 'yes' : 'no', owner, meaning];
    }),
  );
});

test('no account is of another kind', async () => {
  const id = await ledger.assetId(sql, asset);
  const opening = sql`INSERT INTO account (kind, asset_id, owner) VALUES ('slush_fund', ${id}, 'nobody')`;
  expect(sqlStateOf(await opening.catch((error: unknown) => error))).toBe('23503');
});

describe.each(kinds)('an account of the kind %s', (kind) => {
  const { normalSide, mayOverdraw } = accountKinds[kind];
  const other = kind === 'suspense' ? 'rounding' : 'suspense';
  const move = (side: 'debit' | 'credit', units: bigint) => {
    const [own, against] = [
      { kind, owner: 'tried' },
      { kind: other, owner: `against ${kind}` },
    ] as const;
    const accounts = side === 'debit' ? { debit: own, credit: against } : { debit: against, credit: own };
    const legs = [{ ...accounts, asset, amount: amount(units) }];
    return db.database.transaction((sql) => ledger.post(sql, { scope: kind, key: `${side} ${units}`, legs }));
  };

  test(`grows by ${normalSide}s and ${mayOverdraw ? 'may' : 'may not'} fall below zero`, async () => {
    await move(normalSide, 10n);
    await move(normalSide === 'debit' ? 'credit' : 'debit', 4n);
    const rows = await sql<{ debit: bigint; credit: bigint }>`
      SELECT debit, credit FROM balance JOIN account ON account.id = balance.account_id
      WHERE account.kind = ${kind} AND account.owner = 'tried'`;
    expect(rows).toEqual([normalSide === 'debit' ? { debit: 10n, credit: 4n } : { debit: 4n, credit: 10n }]);
    const overdrawing = move(normalSide === 'debit' ? 'credit' : 'debit', 7n);
    if (mayOverdraw) await expect(overdrawing).resolves.toMatchObject({ replayed: false });
    else await expect(overdrawing).rejects.toMatchObject({ code: 'LEDGER_ACCOUNT_OVERDRAWN' });
  });
});
