import { isUniqueViolation, type Database } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { amount, baseSepolia, Fault, type Asset } from '@tollkeeper/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createGroupCommit, type Concluded, type GroupCommit, type GroupCommitParts } from './group-commit.js';
import { createLedger, type Ledger } from './ledger.js';
import type { Posting } from './posting.js';

interface Credit {
  readonly key: string;
  readonly units: bigint;
  /** What the guard shall do with it. */
  readonly guarded?: 'drop' | 'post nothing';
}

const usdc: Asset = { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };

let db: TestDatabase;
let ledger: Ledger;
let wallet: string;
let batches: number[];
let concluded: Concluded<Credit>[];
let tests = 0;

beforeAll(async () => {
  db = await createTestDatabase();
  ledger = createLedger({ database: db.database });
});
afterAll(() => db.drop());
beforeEach(() => {
  tests += 1;
  wallet = `wallet ${tests}`;
  batches = [];
  concluded = [];
});
afterEach(async () => {
  for (const { debit, credit } of await ledger.trialBalance()) expect(debit).toBe(credit);
});

const credit = (key: string, units = 1n, guarded?: Credit['guarded']): Credit =>
  guarded === undefined ? { key, units } : { key, units, guarded };

function postingOf({ key, units }: Credit): Posting {
  const accounts = {
    debit: { kind: 'custody', owner: `address of ${wallet}` },
    credit: { kind: 'merchant_pending', owner: wallet },
  } as const;
  return { scope: wallet, key, legs: [{ ...accounts, asset: usdc, amount: amount(units) }] };
}

function start(parts: Partial<GroupCommitParts<Credit, { postings: Posting[] }>> = {}): GroupCommit<Credit> {
  return createGroupCommit<Credit, { postings: Posting[] }>({
    database: db.database,
    ledger,
    guard: (_sql, items) =>
      Promise.resolve(
        items.map((item) =>
          item.guarded === 'drop' ? undefined : { postings: item.guarded === undefined ? [postingOf(item)] : [] },
        ),
      ),
    after: (_sql, items) => {
      concluded = [...items];
      return Promise.resolve();
    },
    onBatch: (items) => batches.push(items),
    ...parts,
  });
}

async function credited(): Promise<bigint> {
  const [line] = await ledger.balancesOf([wallet]);
  return line?.balance ?? 0n;
}

test('a lone item goes at once, and what comes meanwhile goes together', async () => {
  const group = start();
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, n) => group.commit(credit(`${n}`))));
  expect(batches).toEqual([1, 49]);
  expect(outcomes.every(({ state }) => state === 'posted')).toBe(true);
  expect(await credited()).toBe(50n);
});

test('an item that arrives at any moment is committed', async () => {
  const group = start();
  const chain = async (name: string, depth: number): Promise<void> => {
    await group.commit(credit(name));
    // The next call comes a growing number of turns after the answer, also in the turn in which the queue runs empty.
    for (let turn = 0; turn < depth; turn += 1) await Promise.resolve();
    if (depth < 12) await chain(`${name}.`, depth + 1);
  };
  await chain('item', 0);
  expect(await credited()).toBe(13n);
});

test('no batch is larger than the maximum', async () => {
  const group = start({ maximumBatch: 20 });
  await Promise.all(Array.from({ length: 50 }, (_, n) => group.commit(credit(`${n}`))));
  expect(batches).toEqual([1, 20, 20, 9]);
});

test('the guard decides for each item what is posted, and the dropped ones are told so', async () => {
  const group = start();
  const outcomes = await Promise.all([
    group.commit(credit('first')),
    group.commit(credit('dropped', 5n, 'drop')),
    group.commit(credit('empty', 5n, 'post nothing')),
    group.commit(credit('posted', 5n)),
  ]);
  expect(outcomes.map(({ state }) => state)).toEqual(['posted', 'dropped', 'posted', 'posted']);
  expect(concluded.map(({ item, posted }) => [item.key, posted.length])).toEqual([
    ['empty', 0],
    ['posted', 1],
  ]);
  expect(await credited()).toBe(6n);
});

test('the same key twice in one batch is posted once, and both callers are told the same journal', async () => {
  const group = start();
  const [, one, other] = await Promise.all([
    group.commit(credit('first')),
    group.commit(credit('twice', 100n)),
    group.commit(credit('twice', 100n)),
  ]);
  expect(batches).toEqual([1, 2]);
  if (one.state !== 'posted' || other.state !== 'posted') return expect.fail('an item was dropped');
  expect(other.posted).toEqual([{ journalId: one.posted[0]?.journalId, replayed: true }]);
  expect(await credited()).toBe(101n);
});

test('a key under two bodies is refused to the second alone', async () => {
  const group = start();
  const [, one, other] = await Promise.allSettled([
    group.commit(credit('first')),
    group.commit(credit('twice', 100n)),
    group.commit(credit('twice', 200n)),
  ]);
  expect(one.status).toBe('fulfilled');
  expect(other).toMatchObject({ status: 'rejected', reason: { code: 'LEDGER_KEY_REUSED' } });
  expect(await credited()).toBe(101n);
});

test('items of one key wait for each other where the key is told, in their order', async () => {
  const seen: string[][] = [];
  const group = start({
    keyOf: ({ key }) => key,
    maximumBatch: 3,
    guard: (_sql, items) => {
      seen.push(items.map(({ key, units }) => `${key}${units}`));
      return Promise.resolve(items.map(() => undefined));
    },
  });
  const items = [credit('z'), credit('a', 1n), credit('a', 2n), credit('b', 1n), credit('c', 1n), credit('b', 2n)];
  await Promise.all(items.map((item) => group.commit(item)));
  expect(seen).toEqual([['z1'], ['a1', 'b1', 'c1'], ['a2', 'b2']]);
});

test('one poison item among two hundred fails alone', async () => {
  const group = start();
  const items = Array.from({ length: 200 }, (_, n) => credit(`${n}`, n === 133 ? 0n : 1n));
  const outcomes = await Promise.allSettled([credit('first'), ...items].map((item) => group.commit(item)));
  const failed = outcomes.flatMap((outcome, n) => (outcome.status === 'rejected' ? [n] : []));
  expect(failed).toEqual([134]);
  expect(await credited()).toBe(200n);
});

test('what the companion statements wrote goes with the batch or not at all', async () => {
  await db.database.sql`INSERT INTO setting (name, value) VALUES ('taken', 'before')`;
  const group = start({
    after: async (sql, items) => {
      await sql`INSERT INTO setting (name, value) SELECT unnest(${items.map(({ item }) => item.key)}::text[]), 'after'`;
    },
  });
  const keys = ['a', 'taken', 'b', 'c'];
  const outcomes = await Promise.allSettled(['first', ...keys].map((key) => group.commit(credit(key))));
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  expect(refused).toHaveLength(1);
  expect(isUniqueViolation(refused[0])).toBe(true);
  expect(await credited()).toBe(4n);
  expect(await db.database.sql`SELECT name FROM setting WHERE value = 'after' ORDER BY name`).toEqual(
    ['a', 'b', 'c', 'first'].map((name) => ({ name })),
  );
});

describe('when the answer to a commit is lost', () => {
  /** Loses the answer of every transaction, after the server committed it or instead of committing it. */
  function losing(whatHappened: 'committed' | 'aborted'): Pick<Database, 'sql' | 'transaction'> {
    const lost = new Fault('DATABASE_UNAVAILABLE', { commit: 'unknown' });
    return {
      sql: db.database.sql,
      async transaction(work) {
        await db.database
          .transaction(async (sql) => {
            await work(sql);
            if (whatHappened === 'aborted') throw lost;
          })
          .catch((error: unknown) => {
            if (error !== lost) throw error;
          });
        throw lost;
      },
    };
  }

  test('and it was committed, each caller is told what became of its item', async () => {
    const group = start({ database: losing('committed') });
    const outcomes = await Promise.all([
      group.commit(credit('first')),
      group.commit(credit('second')),
      group.commit(credit('dropped', 1n, 'drop')),
      group.commit(credit('empty', 1n, 'post nothing')),
    ]);
    expect(outcomes.map(({ state }) => state)).toEqual(['posted', 'posted', 'dropped', 'posted']);
    expect(await credited()).toBe(2n);
  });

  test.each(['posted', 'post nothing'] as const)(
    'and nothing was committed, no caller is told success (%s)',
    async (kind) => {
      const group = start({ database: losing('aborted') });
      const item = kind === 'posted' ? credit('first') : credit('first', 1n, kind);
      await expect(group.commit(item)).rejects.toMatchObject({
        code: 'DATABASE_UNAVAILABLE',
        facts: { commit: 'aborted' },
      });
      expect(await credited()).toBe(0n);
    },
  );

  test('and the server does not come back, the callers are told that nothing is known', async () => {
    const unavailable = new Fault('DATABASE_UNAVAILABLE');
    const group = start({
      database: { ...losing('committed'), sql: () => Promise.reject(unavailable) },
      fateTimeoutMs: 100,
    });
    await expect(group.commit(credit('first'))).rejects.toMatchObject({ facts: { commit: 'unknown' } });
  });
});

test('a database that does not answer fails the batch without trying its halves', async () => {
  let attempts = 0;
  const unavailable = new Fault('DATABASE_UNAVAILABLE');
  const group = start({
    database: {
      sql: db.database.sql,
      transaction: () => {
        attempts += 1;
        return Promise.reject(unavailable);
      },
    },
  });
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((key) => group.commit(credit(key))));
  expect(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === unavailable)).toBe(true);
  expect(attempts).toBe(2);
});

test('stopping waits for everything that was taken and takes nothing more', async () => {
  const group = start();
  const pending = Promise.all(Array.from({ length: 30 }, (_, n) => group.commit(credit(`${n}`))));
  await group.stop();
  expect(await credited()).toBe(30n);
  await expect(group.commit(credit('late'))).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  await pending;
});
