import type { Sql } from '@tollkeeper/database';
import { type AccountName, type Leg, operatorOwner } from '@tollkeeper/ledger';
import { amount } from '@tollkeeper/protocol';
import type { DueFee } from './due-fees.js';
import { splitFee, type Shares } from './split-fee.js';

/** A payment that was shared out, for its row. */
export interface SharedPayment {
  readonly due: DueFee;
  readonly gross: bigint;
  readonly shares: Shares;
  readonly refusedReward: string | undefined;
}

/**
 * Shares out what a credit brought to a wallet's pending money: all of it is the wallet's where no fee is due.
 * @param fee.refusedReward why the referrer gets nothing; its share stays with the fee then
 */
export function shareOut(
  credit: Leg,
  fee: { readonly due: DueFee | undefined; readonly refusedReward: string | undefined },
): { readonly legs: readonly Leg[]; readonly shared: SharedPayment | undefined } {
  const { due, refusedReward } = fee;
  const { amount: gross, asset, credit: pending } = credit;
  const referrer = refusedReward === undefined ? due?.referrer : undefined;
  const shares = splitFee(gross, due?.rate ?? noFee, referrer?.shareBps ?? 0n);
  const to = (account: AccountName, units: bigint): Leg[] =>
    units === 0n ? [] : [{ debit: pending, credit: account, asset, amount: amount(units) }];
  const legs = [
    ...to({ kind: 'merchant_available', owner: pending.owner }, shares.net),
    ...to({ kind: 'fees_earned', owner: operatorOwner }, shares.fee),
    ...(referrer === undefined ? [] : to({ kind: 'referral_payable', owner: referrer.id }, shares.referral)),
    ...to({ kind: 'rounding', owner: operatorOwner }, shares.rounding),
  ];
  const isShared = due !== undefined && shares.net < gross;
  return { legs, shared: isShared ? { due, gross, shares, refusedReward } : undefined };
}

const noFee = { bps: 0n, fixed: 0n };

/** Writes how payments were shared out, each once; a second row for the same payment is refused. */
export async function recordShares(sql: Sql, payments: readonly SharedPayment[]): Promise<void> {
  if (payments.length === 0) return;
  await sql`
    INSERT INTO payment_fee (payment_id, merchant_id, terms_id, gross, net, fee, referral, rounding, referrer_id, refused_reward)
    SELECT * FROM unnest(
      ${payments.map(({ due }) => due.paymentId)}::uuid[],
      ${payments.map(({ due }) => due.merchantId)}::uuid[],
      ${payments.map(({ due }) => due.termsId)}::bigint[],
      ${payments.map(({ gross }) => gross)}::numeric[],
      ${payments.map(({ shares }) => shares.net)}::numeric[],
      ${payments.map(({ shares }) => shares.fee)}::numeric[],
      ${payments.map(({ shares }) => shares.referral)}::numeric[],
      ${payments.map(({ shares }) => shares.rounding)}::numeric[],
      ${payments.map(({ due }) => due.referrer?.id ?? null)}::uuid[],
      ${payments.map(({ due, refusedReward }) => (due.referrer && refusedReward) ?? null)}::text[]
    )`;
}
