import { randomUUID } from 'node:crypto';
import { sqlStateOf, type Database, type Sql } from '@tollkeeper/database';
import { amount } from '@tollkeeper/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { available, createLedgerScene, usdc, type LedgerScene } from './ledger-scene.js';

let scene: LedgerScene;
/** The same database seen by its owner, whom no privilege stops. */
let owner: Database;
let alice: string;

beforeAll(async () => {
  scene = await createLedgerScene();
  owner = await scene.openAsOwner();
  alice = await scene.wallet(1000n);
  const bob = await scene.wallet();
  const request = () => ({ id: randomUUID(), senderWalletId: alice, asset: usdc, amount: amount(10n) });
  await scene.database.transaction(async (sql) => {
    const hold = { account: available(alice), asset: usdc, amount: amount(10n), lifetimeSeconds: 3600 };
    await scene.holds.place(sql, { ...hold, id: randomUUID() });
    await scene.holds.place(sql, { ...hold, id: randomUUID() });
    const captured = await scene.holds.place(sql, { ...hold, id: randomUUID() });
    await scene.holds.capture(sql, { id: captured.id, to: available(bob) });
    await scene.transfers.create(sql, { ...request(), receiverWalletId: bob, lifetimeSeconds: 3600 });
    await scene.transfers.send(sql, { ...request(), receiverWalletId: bob });
    const charge = { id: randomUUID(), payerWalletId: alice, payeeWalletId: bob, asset: usdc, amount: amount(10n) };
    await scene.charges.charge(sql, charge);
    await scene.charges.refund(sql, { chargeId: charge.id, refundId: randomUUID(), amount: amount(1n) });
  });
});
afterAll(async () => {
  await owner.close();
  await scene.db.drop();
});
afterEach(() => scene.expectSoundBooks());

const stateOf = (pending: Promise<unknown>) =>
  pending.then(
    () => undefined,
    (error: unknown) => sqlStateOf(error) ?? String(error),
  );

type Statement = readonly [string, (sql: Sql) => Promise<unknown>];

const forbidden: readonly Statement[] = [
  ['the amount of a hold', (sql) => sql`UPDATE hold SET amount = amount + 1`],
  ['the expiry of a hold', (sql) => sql`UPDATE hold SET expires_at = expires_at + interval '1 hour'`],
  ['the account of a hold', (sql) => sql`UPDATE hold SET account_id = account_id + 1`],
  ['a captured hold', (sql) => sql`UPDATE hold SET state = 'voided' WHERE state = 'captured'`],
  ['what was captured', (sql) => sql`UPDATE hold SET captured = 1 WHERE state = 'captured'`],
  ['that a hold exists', (sql) => sql`DELETE FROM hold`],
  ['that holds exist', (sql) => sql`TRUNCATE hold`],
  ['the amount of a transfer', (sql) => sql`UPDATE wallet_transfer SET amount = 1`],
  ['the expiry of a transfer', (sql) => sql`UPDATE wallet_transfer SET expires_at = 'infinity'`],
  ['the receiver of a transfer', (sql) => sql`UPDATE wallet_transfer SET receiver_wallet_id = sender_wallet_id`],
  ['a completed transfer', (sql) => sql`UPDATE wallet_transfer SET state = 'cancelled' WHERE state = 'completed'`],
  ['that a transfer exists', (sql) => sql`DELETE FROM wallet_transfer`],
  ['that transfers exist', (sql) => sql`TRUNCATE wallet_transfer`],
  ['what was refunded of a charge', (sql) => sql`UPDATE charge SET refunded = 0`],
  ['that a charge exists', (sql) => sql`DELETE FROM charge`],
  ['that charges exist', (sql) => sql`TRUNCATE charge CASCADE`],
  ['a refund', (sql) => sql`UPDATE charge_refund SET amount = 2`],
  ['that a refund exists', (sql) => sql`DELETE FROM charge_refund`],
  ['that refunds exist', (sql) => sql`TRUNCATE charge_refund`],
];

test.each(forbidden)('neither the service nor the owner changes %s', async (_what, change) => {
  const before = await scene.books();
  expect(await stateOf(change(scene.database.sql))).toBe('42501');
  expect(await stateOf(change(owner.sql))).toBe('42501');
  expect(await scene.books()).toEqual(before);
});

describe('the clock of the database decides, whoever asks,', () => {
  test('that a pending transfer is not expired before its time', async () => {
    const expiring = (sql: Sql) => sql`UPDATE wallet_transfer SET state = 'expired' WHERE state = 'pending'`;
    expect(await stateOf(expiring(scene.database.sql))).toBe('23514');
    expect(await stateOf(expiring(owner.sql))).toBe('23514');
  });

  test.each(['completed', 'cancelled'])('that an expired transfer is not %s', async (state) => {
    const id = randomUUID();
    const request = { id, senderWalletId: alice, asset: usdc, amount: amount(1n), lifetimeSeconds: -1 };
    const bob = await scene.wallet();
    await scene.database.transaction((sql) => scene.transfers.create(sql, { ...request, receiverWalletId: bob }));
    const ending = (sql: Sql) => sql`UPDATE wallet_transfer SET state = ${state} WHERE id = ${id}::uuid`;
    expect(await stateOf(ending(scene.database.sql))).toBe('23514');
    expect(await stateOf(ending(owner.sql))).toBe('23514');
  });

  test('that an expired hold is not captured', async () => {
    const id = randomUUID();
    const request = { id, account: available(alice), asset: usdc, amount: amount(1n), lifetimeSeconds: -1 };
    await scene.database.transaction((sql) => scene.holds.place(sql, request));
    const capturing = (sql: Sql) => sql`UPDATE hold SET state = 'captured', captured = 1 WHERE id = ${id}::uuid`;
    expect(await stateOf(capturing(scene.database.sql))).toBe('23514');
    expect(await stateOf(capturing(owner.sql))).toBe('23514');
  });
});

test('a hold between assets is refused', async () => {
  const other = await scene.ledger.assetId(scene.database.sql, { ...usdc, token: 'another' });
  const placing = scene.database.sql`
    INSERT INTO hold (id, account_id, asset_id, amount, expires_at)
    SELECT ${randomUUID()}::uuid, id, ${other}, 1, now() + interval '1 hour' FROM account
    WHERE owner = ${alice} AND kind = 'merchant_available'`;
  expect(await stateOf(placing)).toBe('23503');
});
