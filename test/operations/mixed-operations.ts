import { randomUUID } from 'node:crypto';
import { amount, type Asset } from '@tollkeeper/protocol';
import { evmUsdc, svmUsdc, type BooksScene, type Deposit, type SceneWallet } from './books-scene.js';

/**
 * Runs so many operations of a random mixture: deposits on both chains, credits that a reorg takes back, credits that become
 * final, transfers between wallets, holds that are voided and holds that stay. The seed is printed.
 */
export async function mixedOperations(
  scene: BooksScene,
  { operations, seed }: { readonly operations: number; readonly seed: number },
): Promise<void> {
  process.stdout.write(`mixed operations with seed ${seed}\n`);
  const random = createRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item => {
    const item = items[random(items.length)];
    if (item === undefined) throw new Error('nothing to choose from');
    return item;
  };
  const unreleased: { readonly effect: bigint; readonly deposit: Deposit }[] = [];
  const someDeposit = (): Deposit => ({
    asset: pick([evmUsdc, svmUsdc]),
    wallet: pick(scene.wallets),
    amount: BigInt(1 + random(1_000_000)),
  });

  const kinds = {
    async deposit() {
      const deposit = someDeposit();
      unreleased.push({ effect: await scene.book(deposit, await scene.moveOnChain(deposit)), deposit });
    },
    async dropped() {
      const deposit = someDeposit();
      // A block that is final by now, or one that never will be.
      await scene.reverse(await scene.book(deposit, pick([1n, 10n ** 12n])), deposit);
    },
    async release() {
      const next = unreleased.shift();
      if (next !== undefined) await scene.release(next.effect, next.deposit);
    },
    async transfer() {
      const [from, to] = [pick(scene.wallets), pick(scene.wallets)];
      if (from !== to) await transferHalf(scene, { from, to, asset: pick([evmUsdc, svmUsdc]) });
    },
    async hold() {
      await holdAndPerhapsVoid(scene, { wallet: pick(scene.wallets), isVoided: random(2) === 0 });
    },
  };
  const mixture = ['deposit', 'deposit', 'dropped', 'release', 'transfer', 'hold'] as const;
  for (let done = 0; done < operations; done += 1) await kinds[pick(mixture)]();
}

async function available(scene: BooksScene, wallet: SceneWallet, asset: Asset): Promise<bigint> {
  const balances = await scene.ledger.balancesOf([wallet.id]);
  const own = balances.find((each) => each.kind === 'merchant_available' && each.asset.network === asset.network);
  return own === undefined ? 0n : own.balance - own.held;
}

async function transferHalf(
  scene: BooksScene,
  { from, to, asset }: { readonly from: SceneWallet; readonly to: SceneWallet; readonly asset: Asset },
): Promise<void> {
  const half = (await available(scene, from, asset)) / 2n;
  if (half === 0n) return;
  const legs = [
    {
      debit: { kind: 'merchant_available' as const, owner: from.id },
      credit: { kind: 'merchant_available' as const, owner: to.id },
      asset,
      amount: amount(half),
    },
  ];
  await scene.db.database.transaction((sql) => scene.ledger.post(sql, { scope: 'test', key: randomUUID(), legs }));
}

async function holdAndPerhapsVoid(
  scene: BooksScene,
  { wallet, isVoided }: { readonly wallet: SceneWallet; readonly isVoided: boolean },
): Promise<void> {
  const id = randomUUID();
  await scene.db.database.sql`
    INSERT INTO hold (id, account_id, asset_id, amount, expires_at)
    SELECT ${id}::uuid, account.id, account.asset_id, 1, now() + interval '1 day'
    FROM account JOIN balance ON balance.account_id = account.id
    WHERE account.owner = ${wallet.id} AND account.kind = 'merchant_available'
      AND balance.credit - balance.debit - balance.held >= 1
    ORDER BY account.id LIMIT 1`;
  if (isVoided) await scene.db.database.sql`UPDATE hold SET state = 'voided' WHERE id = ${id}::uuid`;
}

/** A linear congruential generator (Numerical Recipes), so that a seed always gives the same operations. */
function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
