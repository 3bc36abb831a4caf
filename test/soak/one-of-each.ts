import { expect } from 'vitest';
import type { FleetScene } from '../fleet/fleet-scene.js';
import type { Transfer } from '../support/transfer.js';
import type { NetworkUnderTest } from './network-under-test.js';
import { repeated, type Asked } from './soak-load.js';

/** A settled payment as the database has it: what was asked for, what moved, and what was credited for it. */
interface SettledPayment {
  readonly payer: string;
  readonly payTo: string;
  readonly amount: bigint;
  readonly transaction: string;
  /** Its effect. */
  readonly moved: Transfer;
  readonly credits: readonly { readonly wallet: string; readonly amount: bigint }[];
  readonly isDelivered: boolean;
  /** A reorg has taken it back for good. */
  readonly isLost: boolean;
}

/**
 * Each payment's own money moved by one transfer, was credited to the wallet that it went to, and was told as a success by the
 * transaction that moved it. Answers how many payments were settled.
 */
export async function expectOneOfEach(
  scene: FleetScene,
  network: NetworkUnderTest,
  answered: readonly Asked[],
): Promise<number> {
  const settled = await findSettled(scene, network);
  const standing = settled.filter(({ isLost }) => !isLost);
  expect(inOrder(await network.transfers()), network.network).toEqual(inOrder(standing.map(({ moved }) => moved)));
  // What a reorg has taken back for good was answered before that, or is a failure.
  expect(standing.filter(({ isDelivered }) => !isDelivered)).toEqual([]);
  const walletOf = new Map(scene.wallets.flatMap(({ id, evm, solana }) => [[evm, id] as const, [solana, id] as const]));
  for (const payment of settled) {
    const { payer, payTo, amount, transaction, moved } = payment;
    expect(moved, network.network).toEqual({ transaction, from: payer, to: payTo, amount });
    const wallet = walletOf.get(payTo);
    expect(payment.credits).toEqual(wallet === undefined ? [] : [{ wallet, amount }]);
  }

  const asked = new Map(answered.map((each) => [keyOf(each.payment.signed), each]));
  expect(asked.size).toBe(answered.length);
  for (const payment of settled) {
    const told = asked.get(keyOf(payment.moved))?.told ?? expect.fail(`${keyOf(payment.moved)} was not asked for`);
    expectOneTransaction(payment, told, network);
    asked.delete(keyOf(payment.moved));
  }
  expect([...asked.values()].filter(({ told }) => told.some(({ success }) => success))).toEqual([]);
  return settled.length;
}

/** Whoever was told that it is settled was told by which transaction, but for what a reorg took back after that. */
function expectOneTransaction(
  { transaction, isDelivered }: SettledPayment,
  told: Asked['told'],
  { wasUndone }: NetworkUnderTest,
): void {
  const story = `${transaction}: ${JSON.stringify(told)}`;
  const asSettled = told.filter(({ success, errorReason }) => success || errorReason === repeated);
  const others = asSettled.filter((each) => each.transaction !== transaction);
  expect(
    others.filter((each) => !wasUndone(each.transaction)),
    story,
  ).toEqual([]);
  expect(
    told.some(({ success }) => success),
    story,
  ).toBe(isDelivered);
}

async function findSettled(
  { database }: FleetScene,
  { network }: NetworkUnderTest,
): Promise<readonly SettledPayment[]> {
  const rows = await database.sql<SettledRow>`
    SELECT payment.payer, payment.pay_to AS "payTo", payment.amount, payment.transaction,
      effect.transaction AS "movedBy", effect.sender AS "from", effect.recipient AS "to", effect.amount AS "movedAmount",
      (SELECT coalesce(jsonb_agg(jsonb_build_array(credited.owner, transfer.amount::text)), '[]'::jsonb)
        FROM transfer JOIN account AS credited ON credited.id = transfer.credit_account_id
        WHERE transfer.journal_id = effect.journal_id) AS credits,
      payment.delivered_at IS NOT NULL AS "isDelivered", effect.lost_at IS NOT NULL AS "isLost"
    FROM payment JOIN effect ON effect.payment_id = payment.id
    WHERE payment.state = 'settled' AND payment.network = ${network}`;
  return rows.map(({ movedBy, from, to, movedAmount, credits, ...payment }) => ({
    ...payment,
    moved: { transaction: movedBy, from, to, amount: movedAmount },
    credits: credits.map(([wallet, amount]) => ({ wallet, amount: BigInt(amount) })),
  }));
}

interface SettledRow extends Omit<SettledPayment, 'moved' | 'credits'> {
  readonly movedBy: string;
  readonly from: string;
  readonly to: string;
  readonly movedAmount: bigint;
  readonly credits: readonly (readonly [wallet: string, amount: string])[];
}

/** What a payer signed has an amount of its own. */
const keyOf = ({ from, to, amount }: Omit<Transfer, 'transaction'>) => `${from} ${to} ${amount}`;

const inOrder = (transfers: readonly Transfer[]) =>
  transfers.map((each) => `${each.transaction} ${keyOf(each)}`).toSorted();
