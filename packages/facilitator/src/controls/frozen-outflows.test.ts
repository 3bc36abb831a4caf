import { amount, type Asset } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createControlStore } from './control-store.js';
import { evmUsdc, startBooksScene, svmUsdc, type BooksScene } from '../../../../test/operations/books-scene.js';

let scene: BooksScene;

beforeAll(async () => {
  scene = await startBooksScene({ wallets: 1 });
  for (const asset of [evmUsdc, svmUsdc]) {
    const deposit = { asset, wallet: scene.wallets[0] ?? expect.fail('no wallet'), amount: 100n };
    await scene.release(await scene.book(deposit, 1n), deposit);
  }
});
afterAll(() => scene.stop());

/** What a withdrawal posts first, whatever code does it. */
function withdraw(asset: Asset, key: string) {
  const owner = scene.wallets[0]?.id ?? '';
  const legs = [
    {
      debit: { kind: 'merchant_available' as const, owner },
      credit: { kind: 'withdrawals_in_flight' as const, owner },
      asset,
      amount: amount(1n),
    },
  ];
  return scene.db.database.transaction((sql) => scene.ledger.post(sql, { scope: 'withdrawal', key, legs }));
}

test('the database lets no money of a frozen asset leave the wallets, and that of others', async () => {
  const controls = createControlStore(scene.db);
  await withdraw(evmUsdc, 'before');
  await controls.stop({ kind: 'outflows', asset: evmUsdc }, 'a test');
  await expect(withdraw(evmUsdc, 'frozen')).rejects.toThrow('frozen');
  await withdraw(svmUsdc, 'other');
  await controls.resume({ kind: 'outflows', asset: evmUsdc }, 'a test');
  await withdraw(evmUsdc, 'after');
  const posted = await scene.db.database.sql<{ key: string }>`
    SELECT idempotency_key AS key FROM journal WHERE scope = 'withdrawal' ORDER BY id`;
  expect(posted.map(({ key }) => key)).toEqual(['before', 'other', 'after']);
});
