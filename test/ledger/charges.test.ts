import { randomUUID } from 'node:crypto';
import type { Sql } from '@tollkeeper/database';
import { amount } from '@tollkeeper/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLedgerScene, refusalOf, usdc, type LedgerScene } from './ledger-scene.js';

let scene: LedgerScene;
let customer: string;
let shop: string;

beforeAll(async () => {
  scene = await createLedgerScene();
});
afterAll(() => scene.db.drop());
beforeEach(async () => {
  [customer, shop] = await Promise.all([scene.wallet(1000n), scene.wallet()]);
});
afterEach(() => scene.expectSoundBooks());

const inTransaction = <T>(work: (sql: Sql) => Promise<T>) => scene.database.transaction(work);
const charge = (units: bigint, { payer = customer, payee = shop } = {}) =>
  inTransaction((sql) =>
    scene.charges.charge(sql, {
      id: randomUUID(),
      payerWalletId: payer,
      payeeWalletId: payee,
      asset: usdc,
      amount: amount(units),
      reference: 'a thousand tokens',
    }),
  );
const refund = (chargeId: string, units?: bigint) =>
  inTransaction((sql) =>
    scene.charges.refund(sql, {
      chargeId,
      refundId: randomUUID(),
      amount: units === undefined ? undefined : amount(units),
    }),
  );
const balances = async () => [(await scene.balanceOf(customer)).balance, (await scene.balanceOf(shop)).balance];

test('a charge moves money at once, and its refunds bring it back in parts', async () => {
  const { id } = await charge(300n);
  expect(await balances()).toEqual([700n, 300n]);
  expect(await refund(id, 100n)).toMatchObject({ amount: 300n, refunded: 100n, reference: 'a thousand tokens' });
  expect(await balances()).toEqual([800n, 200n]);
  expect(await refund(id)).toMatchObject({ refunded: 300n });
  expect(await balances()).toEqual([1000n, 0n]);
});

test('the refunds of a charge never exceed it', async () => {
  const { id } = await charge(300n);
  await charge(300n);
  await refund(id, 200n);
  const before = await scene.books();
  expect(await refusalOf(refund(id, 101n))).toBe('REFUND_EXCEEDS_CHARGE');
  expect(await refusalOf(refund(id, 0n))).toBe('REFUND_EXCEEDS_CHARGE');
  expect(await scene.books()).toEqual(before);
  await refund(id);
  expect(await refusalOf(refund(id))).toBe('REFUND_EXCEEDS_CHARGE');
});

test('of refunds at the same moment as many pass as the charge covers', async () => {
  const { id } = await charge(10n);
  await charge(500n);
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => refusalOf(refund(id, 3n))));
  expect(outcomes.filter((code) => code === undefined)).toHaveLength(3);
  expect(new Set(outcomes)).toEqual(new Set([undefined, 'REFUND_EXCEEDS_CHARGE']));
});

test.each<[string, string, () => Promise<unknown>]>([
  ['the payer has less', 'BALANCE_INSUFFICIENT', () => charge(1001n)],
  ['a wallet charges itself', 'TRANSFER_TO_ITSELF', () => charge(1n, { payee: customer })],
  ['nothing is charged', '23514', () => charge(0n)],
  ['no charge has the id', 'CHARGE_NOT_FOUND', () => refund(randomUUID())],
])('nothing moves where %s', async (_what, code, attempt) => {
  expect(await refusalOf(attempt())).toBe(code);
  expect(await balances()).toEqual([1000n, 0n]);
});

test('nothing is refunded that the payee has spent', async () => {
  const { id } = await charge(300n);
  await charge(250n, { payer: shop, payee: await scene.wallet() });
  expect(await refusalOf(refund(id))).toBe('BALANCE_INSUFFICIENT');
  expect(await refund(id, 50n)).toMatchObject({ refunded: 50n });
});
