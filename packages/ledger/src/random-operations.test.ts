import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { amount, baseSepolia, isFault, solanaDevnet, type Asset } from '@tollkeeper/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accountKinds } from './chart-of-accounts.js';
import { createLedger, type Ledger } from './ledger.js';
import type { AccountName, Leg, Posting } from './posting.js';

/** A failing run prints its seed; set this variable to the printed number to see the same run again. */
const seed = Number(process.env['FAST_CHECK_SEED'] ?? Date.now() % 2_147_483_647);

const assets: readonly Asset[] = [
  { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' },
  { network: solanaDevnet, token: '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU' },
];
const accounts: readonly AccountName[] = [
  { kind: 'custody', owner: 'first address' },
  { kind: 'custody', owner: 'second address' },
  { kind: 'merchant_pending', owner: 'acme' },
  { kind: 'merchant_available', owner: 'acme' },
  { kind: 'merchant_pending', owner: 'umbrella' },
];

let db: TestDatabase;
let ledger: Ledger;

beforeAll(async () => {
  db = await createTestDatabase();
  ledger = createLedger({ database: db.database });
});
afterAll(() => db.drop());

const legs = fc
  .record({
    debit: fc.constantFrom(...accounts),
    credit: fc.constantFrom(...accounts),
    asset: fc.constantFrom(...assets),
    amount: fc.oneof(fc.bigInt({ min: 1n, max: 20n }), fc.bigInt({ min: 1n, max: 10n ** 30n })).map(amount),
  })
  .filter(({ debit, credit }) => debit !== credit);

/** Few keys, so that many postings repeat one or reuse it. */
const postings = fc.record({
  scope: fc.constantFrom('effect', 'transfer'),
  key: fc.integer({ min: 0, max: 150 }).map(String),
  legs: fc.array(legs, { minLength: 1, maxLength: 4 }),
});

/** What makes the random debits possible: money that comes in, in a leg that always holds, under keys that repeat. */
const deposits = fc.integer({ min: 0, max: 40 }).map((n): Posting => {
  const [debit, , credit] = accounts;
  if (debit === undefined || credit === undefined) throw new Error('The accounts of the deposit are missing');
  return {
    scope: 'deposit',
    key: String(n),
    legs: assets.map((asset) => ({ debit, credit, asset, amount: amount(10n ** 9n + BigInt(n)) })),
  };
});

type Outcome = 'posted' | 'replayed' | 'LEDGER_KEY_REUSED' | 'LEDGER_ACCOUNT_OVERDRAWN';

/** What the ledger promises, in memory and one posting at a time. */
function createModel() {
  const posted = new Map<string, string>();
  let balances = new Map<string, bigint>();

  const nameOf = (account: AccountName, asset: Asset) => `${asset.token} ${account.kind} ${account.owner}`;
  const bodyOf = (posting: Posting) => JSON.stringify(posting.legs.map((leg) => ({ ...leg, amount: `${leg.amount}` })));

  function add(to: Map<string, bigint>, leg: Leg) {
    for (const side of ['debit', 'credit'] as const) {
      const account = leg[side];
      const name = nameOf(account, leg.asset);
      const sign = accountKinds[account.kind].normalSide === side ? 1n : -1n;
      to.set(name, (to.get(name) ?? 0n) + sign * leg.amount);
    }
  }

  return {
    balances: () => balances,
    post(posting: Posting): Outcome {
      const name = `${posting.scope} ${posting.key}`;
      const known = posted.get(name);
      if (known !== undefined) return known === bodyOf(posting) ? 'replayed' : 'LEDGER_KEY_REUSED';
      const after = new Map(balances);
      for (const leg of posting.legs) add(after, leg);
      if ([...after.values()].some((balance) => balance < 0n)) return 'LEDGER_ACCOUNT_OVERDRAWN';
      balances = after;
      posted.set(name, bodyOf(posting));
      return 'posted';
    },
  };
}

async function postReally(posting: Posting): Promise<Outcome> {
  try {
    const { replayed } = await db.database.transaction((sql) => ledger.post(sql, posting));
    return replayed ? 'replayed' : 'posted';
  } catch (error) {
    if (isFault(error, 'LEDGER_KEY_REUSED') || isFault(error, 'LEDGER_ACCOUNT_OVERDRAWN')) return error.code as Outcome;
    throw error;
  }
}

async function balancesInDatabase(): Promise<Map<string, bigint>> {
  const lines = await ledger.balancesOf(accounts.map(({ owner }) => owner));
  return new Map(lines.map(({ asset, kind, owner, balance }) => [`${asset.token} ${kind} ${owner}`, balance]));
}

/** Balances that are not the sum of their transfers, computed from the transfers alone. */
async function driftedBalances(): Promise<readonly object[]> {
  return db.database.sql`
    SELECT account_id, debit, credit FROM balance
    WHERE debit <> (SELECT coalesce(sum(amount), 0) FROM transfer WHERE debit_account_id = balance.account_id)
       OR credit <> (SELECT coalesce(sum(amount), 0) FROM transfer WHERE credit_account_id = balance.account_id)`;
}

async function expectSoundBooks(): Promise<void> {
  expect(await driftedBalances()).toEqual([]);
  for (const { asset, debit, credit } of await ledger.trialBalance()) expect(debit, asset.token).toBe(credit);
}

test(`random postings have the outcomes and balances of the model (seed ${seed})`, async () => {
  const model = createModel();
  const outcomes = new Set<Outcome>();
  const operations = fc.sample(fc.oneof(postings, deposits), { seed, numRuns: 600 });
  for (const [index, posting] of operations.entries()) {
    const expected = model.post(posting);
    outcomes.add(expected);
    expect(await postReally(posting), `operation ${index}`).toBe(expected);
    if (index % 100 === 0) await expectSoundBooks();
  }
  // A run that only ever met one outcome would prove little.
  expect([...outcomes].sort()).toEqual(['LEDGER_ACCOUNT_OVERDRAWN', 'LEDGER_KEY_REUSED', 'posted', 'replayed']);
  await expectSoundBooks();
  const inDatabase = await balancesInDatabase();
  for (const [name, balance] of model.balances()) expect(inDatabase.get(name) ?? 0n, name).toBe(balance);
});

test(`random postings from many connections leave sound books (seed ${seed})`, async () => {
  const operations = fc.sample(fc.oneof(postings, deposits), { seed: seed + 1, numRuns: 600 });
  const outcomes: Outcome[] = [];
  const caller = async () => {
    for (let posting = operations.pop(); posting !== undefined; posting = operations.pop()) {
      outcomes.push(await postReally({ ...posting, scope: `many ${posting.scope}` }));
    }
  };
  await Promise.all(Array.from({ length: 30 }, caller));
  expect(outcomes).toContain('posted');
  await expectSoundBooks();
});
