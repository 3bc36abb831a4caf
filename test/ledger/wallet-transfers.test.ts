import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Sql } from '@tollkeeper/database';
import { amount } from '@tollkeeper/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLedgerScene, refusalOf, usdc, type LedgerScene } from './ledger-scene.js';

let scene: LedgerScene;
let alice: string;
let bob: string;

beforeAll(async () => {
  scene = await createLedgerScene();
});
afterAll(() => scene.db.drop());
beforeEach(async () => {
  [alice, bob] = await Promise.all([scene.wallet(1000n), scene.wallet()]);
});
afterEach(() => scene.expectSoundBooks());

const inTransaction = <T>(work: (sql: Sql) => Promise<T>) => scene.database.transaction(work);
const requested = (units: bigint, sender = alice) => ({
  id: randomUUID(),
  senderWalletId: sender,
  asset: usdc,
  amount: amount(units),
});
const send = (units: bigint, to = bob) =>
  inTransaction((sql) => scene.transfers.send(sql, { ...requested(units), receiverWalletId: to }));
const create = (
  units: bigint,
  { to = bob, lifetimeSeconds = 3600 }: { to?: string | null; lifetimeSeconds?: number } = {},
) =>
  inTransaction((sql) =>
    scene.transfers.create(sql, { ...requested(units), receiverWalletId: to ?? undefined, lifetimeSeconds }),
  );
const claim = (id: string, { by = bob, claimToken }: { by?: string; claimToken?: string | undefined } = {}) =>
  inTransaction((sql) => scene.transfers.claim(sql, { id, receiverWalletId: by, claimToken }));
const cancel = (id: string) => inTransaction((sql) => scene.transfers.cancel(sql, id));
const find = (id: string) => inTransaction((sql) => scene.transfers.find(sql, id));
const available = async () => [(await scene.balanceOf(alice)).balance, (await scene.balanceOf(bob)).balance];

/** Returns in the first millisecond of the database's clock in which a transfer is expired. */
async function expiryOf(id: string): Promise<void> {
  for (;;) {
    const [row] = await scene.database.sql<{ left: number }>`
      SELECT ceil(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::integer AS left
      FROM wallet_transfer WHERE id = ${id}::uuid`;
    if (row === undefined || row.left < 0) return;
    await delay(row.left);
  }
}

test('a transfer in one step arrives at once', async () => {
  const transfer = await send(400n);
  expect(transfer).toMatchObject({ state: 'completed', senderWalletId: alice, receiverWalletId: bob, amount: 400n });
  expect(transfer.expiresAt).toBeUndefined();
  expect(await available()).toEqual([600n, 400n]);
});

test('a transfer that is created leaves its sender and arrives when it is claimed', async () => {
  const { transfer, claimToken } = await create(400n);
  expect(transfer).toMatchObject({ state: 'pending', receiverWalletId: bob });
  expect(claimToken).toBeUndefined();
  expect([await available(), await scene.escrowOf(alice)]).toEqual([[600n, 0n], 400n]);
  expect(await claim(transfer.id)).toMatchObject({ state: 'completed' });
  expect([await available(), await scene.escrowOf(alice)]).toEqual([[600n, 400n], 0n]);
});

test('a transfer that is cancelled goes back', async () => {
  const { transfer } = await create(400n);
  expect(await cancel(transfer.id)).toMatchObject({ state: 'cancelled' });
  expect([await available(), await scene.escrowOf(alice)]).toEqual([[1000n, 0n], 0n]);
});

test('a transfer without a receiver goes to whoever shows its token, which is stored as a hash only', async () => {
  const { transfer, claimToken } = await create(400n, { to: null });
  if (claimToken === undefined) return expect.fail('there is no token');
  expect(claimToken).toMatch(/^[\w-]{43}$/);
  const [stored] = await scene.database.sql`SELECT * FROM wallet_transfer WHERE id = ${transfer.id}::uuid`;
  expect(
    JSON.stringify(stored, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
  ).not.toContain(claimToken);
  for (const wrong of [undefined, '', `${claimToken}x`, transfer.id]) {
    expect(await refusalOf(claim(transfer.id, { claimToken: wrong }))).toBe('TRANSFER_NOT_FOUND');
  }
  expect(await claim(transfer.id, { claimToken })).toMatchObject({ state: 'completed', receiverWalletId: bob });
  const third = await scene.wallet();
  expect(await refusalOf(claim(transfer.id, { by: third, claimToken }))).toBe('TRANSFER_NOT_PENDING');
  expect(await available()).toEqual([600n, 400n]);
});

describe('nothing moves', () => {
  test.each<[string, string, () => Promise<unknown>]>([
    ['more is sent than there is', 'BALANCE_INSUFFICIENT', () => send(1001n)],
    ['more is put in escrow than there is', 'BALANCE_INSUFFICIENT', () => create(1001n)],
    ['nothing is sent', '23514', () => send(0n)],
    ['a wallet sends to itself', 'TRANSFER_TO_ITSELF', () => send(1n, alice)],
    ['a wallet puts something in escrow for itself', 'TRANSFER_TO_ITSELF', () => create(1n, { to: alice })],
    ['the receiver does not exist', '23503', () => send(1n, randomUUID())],
    ['no transfer has the id', 'TRANSFER_NOT_FOUND', () => claim(randomUUID())],
    ['no transfer to be cancelled has the id', 'TRANSFER_NOT_FOUND', () => cancel(randomUUID())],
    ['it was made in one step', 'TRANSFER_NOT_FOUND', async () => claim((await send(1n, await scene.wallet())).id)],
  ])('where %s', async (_what, code, attempt) => {
    expect(await refusalOf(attempt())).toBe(code);
    expect((await scene.balanceOf(bob)).balance).toBe(0n);
    expect(await scene.escrowOf(alice)).toBe(0n);
  });

  test('where a claim is by another wallet, by the sender, or late', async () => {
    const [named, open] = [await create(10n), await create(10n, { to: null })];
    const third = await scene.wallet();
    const before = await scene.books();
    expect(await refusalOf(claim(named.transfer.id, { by: third }))).toBe('TRANSFER_NOT_FOUND');
    expect(await refusalOf(claim(named.transfer.id, { by: alice }))).toBe('TRANSFER_NOT_FOUND');
    expect(await refusalOf(claim(open.transfer.id, { by: alice, claimToken: open.claimToken }))).toBe(
      'TRANSFER_TO_ITSELF',
    );
    expect(await scene.books()).toEqual(before);
  });

  test('when a transfer ended before', async () => {
    const [claimed, cancelled] = [(await create(10n)).transfer.id, (await create(10n)).transfer.id];
    await claim(claimed);
    await cancel(cancelled);
    const before = await scene.books();
    for (const id of [claimed, cancelled]) {
      expect(await refusalOf(claim(id))).toBe('TRANSFER_NOT_PENDING');
      expect(await refusalOf(cancel(id))).toBe('TRANSFER_NOT_PENDING');
    }
    expect(await scene.books()).toEqual(before);
  });
});

describe('an expired transfer', () => {
  test('is neither claimed nor cancelled a millisecond later, with nobody sweeping', async () => {
    const { id } = (await create(10n, { lifetimeSeconds: 0.05 })).transfer;
    await expiryOf(id);
    expect(await refusalOf(claim(id))).toBe('TRANSFER_EXPIRED');
    expect(await refusalOf(cancel(id))).toBe('TRANSFER_EXPIRED');
    expect(await find(id)).toMatchObject({ state: 'expired', concludedAt: undefined });
  });

  test('goes back by itself', async () => {
    const { id } = (await create(400n, { lifetimeSeconds: 0.01 })).transfer;
    const later = (await create(1n)).transfer;
    await expiryOf(id);
    expect(await scene.sweeper.sweep()).toMatchObject({ transfers: expect.any(Number) as number, refused: [] });
    expect(await find(id)).toMatchObject({ state: 'expired', concludedAt: expect.any(Date) as Date });
    expect(await find(later.id)).toMatchObject({ state: 'pending' });
    expect([await available(), await scene.escrowOf(alice)]).toEqual([[999n, 0n], 1n]);
  });

  test('whose sender takes no postings holds up no other, and goes back later', async () => {
    const stuck = await scene.wallet(100n);
    const blocked = await inTransaction((sql) =>
      scene.transfers.create(sql, { ...requested(10n, stuck), receiverWalletId: bob, lifetimeSeconds: 0.01 }),
    );
    const free = await create(10n, { lifetimeSeconds: 0.01 });
    await inTransaction((sql) => scene.ledger.closeAccounts(sql, stuck));
    await Promise.all([expiryOf(blocked.transfer.id), expiryOf(free.transfer.id)]);
    const { refused } = await scene.sweeper.sweep();
    expect(refused.map(({ transferId }) => transferId)).toEqual([blocked.transfer.id]);
    expect(await find(free.transfer.id)).toMatchObject({ concludedAt: expect.any(Date) as Date });
    await inTransaction((sql) => scene.ledger.reopenAccounts(sql, stuck));
    expect(await scene.sweeper.sweep()).toMatchObject({ transfers: 1, refused: [] });
  });
});

test('of claim, cancel and expiry that race exactly one wins, and no money is lost', async () => {
  const winners = new Set<string>();
  let lifetimeSeconds = 0.01;
  for (let round = 0; round < 40; round += 1) {
    const { id } = (await create(5n, { lifetimeSeconds })).transfer;
    await Promise.all([
      refusalOf(claim(id)),
      refusalOf(cancel(id)),
      scene.sweeper.sweep(),
      refusalOf(claim(id)),
      refusalOf(cancel(id)),
      scene.sweeper.sweep(),
    ]);
    await expiryOf(id);
    await scene.sweeper.sweep();
    const { state } = await find(id);
    winners.add(state);
    // The moment of expiry stays near the others, before, among and after them, however fast the machine is.
    lifetimeSeconds *= state === 'expired' ? 1.3 : 0.8;
    expect(await scene.escrowOf(alice)).toBe(0n);
    const [left = 0n, arrived = 0n] = await available();
    expect(left + arrived).toBe(1000n);
  }
  expect(winners).toContain('expired');
  expect(winners.size).toBeGreaterThan(1);
});

test('opposite transfers by the thousand all pass', async () => {
  await scene.deposit(bob, 1000n);
  const outcomes = new Set<string | undefined>();
  const caller = async (first: number) => {
    const [from, to] = first % 2 === 0 ? [alice, bob] : [bob, alice];
    for (let n = first; n < 2000; n += 50) {
      const request = { ...requested(1n, from), receiverWalletId: to };
      outcomes.add(await refusalOf(inTransaction((sql) => scene.transfers.send(sql, request))));
    }
  };
  await Promise.all(Array.from({ length: 50 }, (_, first) => caller(first)));
  expect(outcomes).toEqual(new Set([undefined]));
  expect(await available()).toEqual([1000n, 1000n]);
});
