import { amount, isSameAsset, type Asset } from '@tollkeeper/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReconciliation, type Reconcile } from './reconcile.js';
import { createControlStore } from '../controls/control-store.js';
import {
  evmUsdc,
  startBooksScene,
  svmUsdc,
  type BooksScene,
  type Deposit,
} from '../../../../test/operations/books-scene.js';
import { mixedOperations } from '../../../../test/operations/mixed-operations.js';

let scene: BooksScene;
let reconcile: Reconcile;

beforeAll(async () => {
  scene = await startBooksScene();
  reconcile = reconciliationOf(scene);
});
afterAll(() => scene.stop());

function reconciliationOf({ db, chains }: BooksScene, settlingMs = 0): Reconcile {
  const clock = { now: () => new Date() };
  return createReconciliation({ database: db.database, chains, assets: [evmUsdc, svmUsdc], clock, settlingMs });
}

/** Makes every block final that holds something. */
async function finalise(): Promise<void> {
  await scene.evm.mine(2);
}

function wallet(index: number) {
  return scene.wallets[index] ?? expect.fail('no such wallet');
}

async function frozen(): Promise<readonly Asset[]> {
  const all = await createControlStore(scene.db).list();
  return all.flatMap(({ control }) => (control.kind === 'outflows' ? [control.asset] : []));
}

async function lift(): Promise<void> {
  const store = createControlStore(scene.db);
  for (const { control } of await store.list()) await store.resume(control, 'explained');
}

/** What was found to differ, and by how much. */
async function found() {
  const { outcome, differences } = await reconcile('command');
  return { outcome, differences: differences.map((each) => [each.check, each.asset, each.found - each.expected]) };
}

test('after a thousand mixed operations nothing differs, and nothing is frozen', async () => {
  await mixedOperations(scene, { operations: 1_000, seed: Date.now() % 1_000_000 });
  // The newest are in blocks that are not final yet, and are none of the reconciliation's business.
  const { outcome, differing, compared, discrepancyRate, unchecked } = await reconcile('command');
  expect({ outcome, differing, discrepancyRate, unchecked }).toEqual({
    ...{ outcome: 'clean', differing: 0, discrepancyRate: '0.0000', unchecked: [] },
  });
  expect(compared).toBeGreaterThan(20);
  expect(await frozen()).toEqual([]);
});

test('what is booked and not final yet is not compared, and what is final and not booked is', async () => {
  const deposit: Deposit = { asset: evmUsdc, wallet: wallet(0), amount: 77n };
  const block = await scene.moveOnChain(deposit);
  expect((await found()).outcome).toBe('clean');
  const effect = await scene.book(deposit, block);
  expect((await found()).outcome).toBe('clean');
  await finalise();
  expect((await found()).outcome).toBe('clean');
  await scene.reverse(effect, deposit);
  expect(await found()).toEqual({ outcome: 'different', differences: [['custody', evmUsdc, 77n]] });
  await scene.book(deposit, block);
  await lift();
});

test('a payment that is booked while the chain is read is no difference', async () => {
  const deposit: Deposit = { asset: svmUsdc, wallet: wallet(1), amount: 5n };
  const block = await scene.moveOnChain(deposit);
  const patient = reconciliationOf(scene, 20_000)('command');
  await scene.book(deposit, block);
  expect(await patient).toMatchObject({ outcome: 'clean', differing: 0 });
});

describe('exactly what was moved behind its back is reported, and freezes that asset alone:', () => {
  test.each([evmUsdc, svmUsdc])('money that arrived, in $network', async (asset) => {
    const deposit: Deposit = { asset, wallet: wallet(2), amount: 1_234_567n };
    const block = await scene.moveOnChain(deposit);
    await finalise();
    expect(await found()).toEqual({ outcome: 'different', differences: [['custody', asset, 1_234_567n]] });
    expect(await frozen()).toEqual([asset]);
    await scene.book(deposit, block);
    await lift();
    expect((await found()).outcome).toBe('clean');
  });

  test('money that left an address', async () => {
    const deposit: Deposit = { asset: evmUsdc, wallet: wallet(0), amount: 999n };
    await scene.book(deposit, 1n);
    expect(await found()).toEqual({ outcome: 'different', differences: [['custody', evmUsdc, -999n]] });
    await scene.moveOnChain(deposit);
    await finalise();
    await lift();
    expect((await found()).outcome).toBe('clean');
  });

  test('money that was booked into custody without anything on chain', async () => {
    const owner = wallet(1).evm;
    const legs = (from: string, to: string) => [
      {
        debit: { kind: 'custody' as const, owner: to },
        credit: { kind: 'custody' as const, owner: from },
        asset: evmUsdc,
        amount: amount(3n),
      },
    ];
    await scene.book({ asset: evmUsdc, wallet: wallet(0), amount: 3n }, await depositThree());
    await finalise();
    const post = (key: string, [from, to]: [string, string]) =>
      scene.db.database.transaction((sql) => scene.ledger.post(sql, { scope: 'test', key, legs: legs(from, to) }));
    await post('there', [wallet(0).evm, owner]);
    const { differences } = await found();
    expect(differences.map(([check, , difference]) => [check, difference]).sort()).toEqual([
      ['custody', -3n],
      ['custody', 3n],
    ]);
    await post('back', [owner, wallet(0).evm]);
    await lift();
  });

  test('a balance that was changed by hand', async () => {
    const id = await availableOf(evmUsdc);
    await scene.tamper(`UPDATE balance SET credit = credit + 41 WHERE account_id = ${id}`);
    expect(await found()).toEqual({
      outcome: 'different',
      differences: [
        ['trial_balance', evmUsdc, 41n],
        ['balance', evmUsdc, 41n],
      ],
    });
    expect(await frozen()).toEqual([evmUsdc]);
    await scene.tamper(`UPDATE balance SET credit = credit - 41 WHERE account_id = ${id}`);
    await lift();
  });

  test('what is held without a hold', async () => {
    const id = await availableOf(svmUsdc);
    await scene.tamper(`UPDATE balance SET held = held + 1 WHERE account_id = ${id}`);
    expect(await found()).toEqual({ outcome: 'different', differences: [['holds', svmUsdc, 1n]] });
    await scene.tamper(`UPDATE balance SET held = held - 1 WHERE account_id = ${id}`);
    await lift();
    expect((await found()).outcome).toBe('clean');
  });

  test('a transfer that was removed', async () => {
    const [row] = await scene.db.database.sql<{ journal: bigint; amount: bigint }>`
      SELECT journal_id AS journal, amount FROM transfer JOIN journal ON journal.id = journal_id
      WHERE scope = 'release' ORDER BY journal_id LIMIT 1`;
    const removed = row ?? expect.fail('nothing was released');
    await scene.tamper(`CREATE TABLE kept AS SELECT * FROM transfer WHERE journal_id = ${removed.journal}`);
    await scene.tamper(`DELETE FROM transfer WHERE journal_id = ${removed.journal}`);
    const { differences } = await found();
    expect(differences.map(([check, , difference]) => [check, difference])).toEqual([
      ['balance', removed.amount],
      ['balance', removed.amount],
    ]);
    await scene.tamper('INSERT INTO transfer SELECT * FROM kept');
    await lift();
  });
});

test('a freeze is audited, stays until it is lifted, and is not repeated', async () => {
  const deposit: Deposit = { asset: svmUsdc, wallet: wallet(0), amount: 8n };
  const block = await scene.moveOnChain(deposit);
  const first = await reconcile('schedule');
  expect(first.frozen).toEqual([svmUsdc]);
  expect((await reconcile('schedule')).frozen).toEqual([]);
  await scene.book(deposit, block);
  expect((await found()).outcome).toBe('clean');
  expect(await frozen()).toEqual([svmUsdc]);
  await lift();
  expect(await frozen()).toEqual([]);
  const entries = await scene.db.database.sql<{ actor: string; action: string; subject: string }>`
    SELECT actor, action, subject FROM audit_entry WHERE action LIKE 'control.%' ORDER BY sequence DESC LIMIT 2`;
  const subject = `outflows ${svmUsdc.network} ${svmUsdc.token}`;
  expect(entries).toEqual([
    { actor: 'operator', action: 'control.resume', subject },
    { actor: 'service', action: 'control.stop', subject },
  ]);
});

test('what a chain does not tell is unchecked, and nothing is frozen for it', async () => {
  const [, svm] = scene.chains;
  const partial = createReconciliation({
    database: scene.db.database,
    chains: svm === undefined ? [] : [svm],
    assets: [evmUsdc, svmUsdc],
    clock: { now: () => new Date() },
    settlingMs: 0,
  });
  const report = await partial('command');
  expect(report).toMatchObject({ outcome: 'incomplete', differing: 0, frozen: [] });
  expect(report.unchecked.map(({ network }) => network)).toEqual([evmUsdc.network]);
  expect(report.custody.every(({ asset }) => isSameAsset(asset, svmUsdc))).toBe(true);
});

async function depositThree(): Promise<bigint> {
  return scene.moveOnChain({ asset: evmUsdc, wallet: wallet(0), amount: 3n });
}

async function availableOf(asset: Asset): Promise<bigint> {
  const [row] = await scene.db.database.sql<{ id: bigint }>`
    SELECT account.id FROM account JOIN asset ON asset.id = account.asset_id JOIN balance ON balance.account_id = account.id
    WHERE account.kind = 'merchant_available' AND asset.network = ${asset.network} AND balance.credit - balance.debit > 10
    ORDER BY account.id LIMIT 1`;
  return row?.id ?? expect.fail('no wallet has anything');
}
