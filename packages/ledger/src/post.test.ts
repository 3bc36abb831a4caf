import { sqlStateOf } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { amount, baseSepolia, isFault, solanaDevnet, type Asset } from '@tollkeeper/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLedger, type Ledger } from './ledger.js';
import type { AccountName, Leg, Posted, Posting } from './posting.js';

const usdc: Asset = { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };
const solanaUsdc: Asset = { network: solanaDevnet, token: '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU' };
const largest = 10n ** 78n - 1n;

let db: TestDatabase;
let ledger: Ledger;
let counted: Posting[];
/** The accounts of one test, which shares them with no other. */
let custody: AccountName;
let alice: AccountName;
let bob: AccountName;
let tests = 0;

beforeAll(async () => {
  db = await createTestDatabase();
  ledger = createLedger({ database: db.database, onPosted: (posting) => counted.push(posting) });
});
afterAll(() => db.drop());
beforeEach(() => {
  counted = [];
  tests += 1;
  custody = { kind: 'custody', owner: `address ${tests}` };
  alice = { kind: 'merchant_pending', owner: `alice ${tests}` };
  bob = { kind: 'merchant_pending', owner: `bob ${tests}` };
});
afterEach(async () => {
  for (const { debit, credit } of await ledger.trialBalance()) expect(debit).toBe(credit);
});

function leg(debit: AccountName, credit: AccountName, units: bigint, asset = usdc): Leg {
  return { debit, credit, asset, amount: amount(units) };
}

function post(key: string, ...legs: Leg[]): Promise<Posted> {
  return db.database.transaction((sql) => ledger.post(sql, { scope: 'test', key: `${key} ${tests}`, legs }));
}

async function balanceOf({ kind, owner }: AccountName, asset = usdc): Promise<bigint | undefined> {
  const balances = await ledger.balancesOf([owner]);
  return balances.find((each) => each.kind === kind && each.asset.token === asset.token)?.balance;
}

async function faultOf(pending: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await pending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isFault(error) ? error.code : sqlStateOf(error);
}

test('a posting moves each amount from one account to another, and is counted', async () => {
  const fee: AccountName = { kind: 'merchant_pending', owner: `fee ${tests}` };
  const posted = await post('payment', leg(custody, alice, 990n), leg(custody, fee, 10n));

  expect(posted.replayed).toBe(false);
  expect([await balanceOf(custody), await balanceOf(alice), await balanceOf(fee)]).toEqual([1000n, 990n, 10n]);
  expect(counted).toHaveLength(1);
});

test('the same key with the same legs is a repeat: nothing moves and the first journal is named', async () => {
  const first = await post('payment', leg(custody, alice, 5n));

  expect(await post('payment', leg(custody, alice, 5n))).toEqual({ journalId: first.journalId, replayed: true });
  expect(await balanceOf(alice)).toBe(5n);
  expect(counted).toHaveLength(1);
});

test.each<[string, () => Leg[]]>([
  ['another amount', () => [leg(custody, alice, 6n)]],
  ['another account', () => [leg(custody, bob, 5n)]],
  ['another asset', () => [leg(custody, alice, 5n, solanaUsdc)]],
  ['the sides exchanged', () => [leg(alice, custody, 5n)]],
  ['one more leg', () => [leg(custody, alice, 5n), leg(custody, bob, 5n)]],
  ['no legs', () => []],
])('the same key with %s is refused and moves nothing', async (_what, other) => {
  await post('payment', leg(custody, alice, 5n));

  expect(await faultOf(post('payment', ...other()))).toBe('LEDGER_KEY_REUSED');
  expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([5n, undefined]);
});

test('fifty postings of one key at once are one journal and fifty equal answers', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => post('payment', leg(custody, alice, 7n))));

  expect(new Set(answers.map(({ journalId }) => journalId)).size).toBe(1);
  expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  expect(await balanceOf(alice)).toBe(7n);
  expect(counted).toHaveLength(1);
});

test('the same key twice in one transaction credits once', async () => {
  const posting = { scope: 'test', key: `twice ${tests}`, legs: [leg(custody, alice, 100n)] };
  const [first, second] = await db.database.transaction(async (sql) => [
    await ledger.post(sql, posting),
    await ledger.post(sql, posting),
  ]);

  expect(second).toEqual({ journalId: first.journalId, replayed: true });
  expect(await balanceOf(alice)).toBe(100n);
});

test('one key in two scopes names two events', async () => {
  for (const scope of ['one', 'other']) {
    await db.database.transaction((sql) => ledger.post(sql, { scope, key: 'same', legs: [leg(custody, alice, 1n)] }));
  }
  expect(await balanceOf(alice)).toBe(2n);
});

test('an error in the transaction of a posting takes the posting back, and its key is free again', async () => {
  const event = new Error('the event did not happen');
  const failing = db.database.transaction(async (sql) => {
    await ledger.post(sql, { scope: 'test', key: `undone ${tests}`, legs: [leg(custody, alice, 3n)] });
    throw event;
  });

  await expect(failing).rejects.toBe(event);
  expect(await balanceOf(alice)).toBeUndefined();
  expect(await post('undone', leg(custody, alice, 3n))).toMatchObject({ replayed: false });
});

test.each<[string, () => Leg[]]>([
  ['a wallet spends more than it has', () => [leg(alice, bob, 11n)]],
  ['custody gives more than it holds', () => [leg(alice, custody, 11n)]],
  ['a later leg overdraws', () => [leg(alice, bob, 10n), leg(alice, bob, 1n)]],
  ['the money is of another asset', () => [leg(alice, bob, 1n, solanaUsdc)]],
])('nothing moves where %s', async (_what, legs) => {
  await post('deposit', leg(custody, alice, 10n));

  expect(await faultOf(post('too much', ...legs()))).toBe('LEDGER_ACCOUNT_OVERDRAWN');
  expect([await balanceOf(custody), await balanceOf(alice), await balanceOf(bob)]).toEqual([10n, 10n, undefined]);
});

test('of a hundred simultaneous debits only as many pass as the balance covers', async () => {
  await post('deposit', leg(custody, alice, 100n));
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, n) => faultOf(post(`debit ${n}`, leg(alice, bob, 7n)))),
  );

  expect(outcomes.filter((outcome) => outcome === undefined)).toHaveLength(14);
  expect(outcomes.filter((outcome) => outcome === 'LEDGER_ACCOUNT_OVERDRAWN')).toHaveLength(86);
  expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([2n, 98n]);
});

test('opposite transfers by the hundred never deadlock', async () => {
  await post('deposit', leg(custody, alice, 1000n), leg(custody, bob, 1000n));
  const deadlocks = async () => {
    const [row] = await db.database.sql<{ deadlocks: bigint }>`
      SELECT pg_stat_get_db_deadlocks(oid) AS deadlocks FROM pg_database WHERE datname = current_database()`;
    return row?.deadlocks;
  };
  const before = await deadlocks();
  const caller = async (first: number) => {
    for (let n = first; n < 300; n += 30) {
      await post(`move ${n}`, n % 2 === 0 ? leg(alice, bob, 1n) : leg(bob, alice, 1n));
    }
  };
  await Promise.all(Array.from({ length: 30 }, (_, first) => caller(first)));

  expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([1000n, 1000n]);
  expect(await deadlocks()).toBe(before);
});

test('wallets that are first seen by many postings at once are opened once', async () => {
  const pairs = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? [alice, bob] : [bob, alice]));
  await Promise.all(
    pairs.map((wallets, n) => post(`first ${n}`, ...wallets.map((wallet) => leg(custody, wallet, 1n)))),
  );
  expect([await balanceOf(alice), await balanceOf(bob), await balanceOf(custody)]).toEqual([40n, 40n, 80n]);
});

test('78 digits are kept to the last one, and one unit more is refused', async () => {
  const token = { network: baseSepolia, token: `deep ${tests}` };
  await post('largest', leg(custody, alice, largest, token));
  expect(await balanceOf(alice, token)).toBe(largest);

  expect(await faultOf(post('overflow', leg(custody, alice, 1n, token)))).toBe('22003');
  expect(await balanceOf(alice, token)).toBe(largest);
});

test('a movement of nothing is refused', async () => {
  expect(await faultOf(post('nothing', leg(custody, alice, 0n)))).toBe('23514');
});

test('an account does not pay itself', async () => {
  await post('deposit', leg(custody, alice, 10n));
  expect(await faultOf(post('self', leg(alice, alice, 1n)))).toBe('23514');
});

test('balances of the same token on two networks stay apart', async () => {
  await post('evm', leg(custody, alice, 1n));
  await post('solana', leg(custody, alice, 2n, solanaUsdc));

  const held = (await ledger.balancesOf([alice.owner])).map(({ asset, balance }) => [asset.network, balance]);
  expect(held).toEqual([
    [baseSepolia, 1n],
    [solanaDevnet, 2n],
  ]);
});

describe('many postings at once', () => {
  const posting = (key: string, ...legs: Leg[]): Posting => ({ scope: 'test', key: `${key} ${tests}`, legs });
  const postAll = (...postings: Posting[]) => db.database.transaction((sql) => ledger.postAll(sql, postings));

  test('are each posted, in order, as one would be', async () => {
    const posted = await postAll(
      posting('deposit', leg(custody, alice, 10n)),
      posting('gift', leg(alice, bob, 4n)),
      posting('nothing'),
    );
    expect(posted.map(({ replayed }) => replayed)).toEqual([false, false, false]);
    expect(new Set(posted.map(({ journalId }) => journalId)).size).toBe(3);
    expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([6n, 4n]);
    expect(counted).toHaveLength(3);
    expect(await postAll()).toEqual([]);
  });

  test('with one event twice among them credit once', async () => {
    const deposit = posting('deposit', leg(custody, alice, 10n));
    const [first, again] = await postAll(deposit, deposit);
    expect(again).toEqual({ journalId: first?.journalId, replayed: true });
    expect(await balanceOf(alice)).toBe(10n);
    expect(counted).toHaveLength(1);
  });

  test('with one event under two bodies are refused', async () => {
    const twice = postAll(posting('deposit', leg(custody, alice, 10n)), posting('deposit', leg(custody, alice, 11n)));
    expect(await faultOf(twice)).toBe('LEDGER_KEY_REUSED');
    expect(await balanceOf(alice)).toBeUndefined();
  });

  test('of which one overdraws move nothing', async () => {
    const over = postAll(posting('deposit', leg(custody, alice, 10n)), posting('gift', leg(alice, bob, 11n)));
    expect(await faultOf(over)).toBe('LEDGER_ACCOUNT_OVERDRAWN');
    expect([await balanceOf(alice), await balanceOf(bob)]).toEqual([undefined, undefined]);
  });
});

describe('a journal that takes another one back', () => {
  test('can be made of its legs', async () => {
    const legs = [leg(custody, alice, 5n), leg(custody, bob, 3n, solanaUsdc)];
    const { journalId } = await post('deposit', ...legs);
    const read = await db.database.transaction((sql) => ledger.legsOf(sql, [journalId, 0n]));
    expect(read.get(journalId)).toEqual(legs);
    expect(read.get(0n)).toEqual([]);
  });

  test('is posted once for each, under whatever key', async () => {
    const { journalId } = await post('deposit', leg(custody, alice, 5n));
    await post('deposit more', leg(custody, alice, 5n));
    const takeBack = (key: string) =>
      db.database.transaction((sql) =>
        ledger.post(sql, {
          scope: 'test',
          key: `${key} ${tests}`,
          legs: [leg(alice, custody, 5n)],
          reverses: journalId,
        }),
      );
    expect(await takeBack('back')).toMatchObject({ replayed: false });
    expect(await takeBack('back')).toMatchObject({ replayed: true });
    expect(await faultOf(takeBack('back again'))).toBe('23505');
    expect(await balanceOf(alice)).toBe(5n);
  });

  test('is another event than one that takes nothing back', async () => {
    const { journalId } = await post('deposit', leg(custody, alice, 5n));
    await post('back', leg(alice, custody, 5n));
    const other = db.database.transaction((sql) =>
      ledger.post(sql, { scope: 'test', key: `back ${tests}`, legs: [leg(alice, custody, 5n)], reverses: journalId }),
    );
    expect(await faultOf(other)).toBe('LEDGER_KEY_REUSED');
  });
});
