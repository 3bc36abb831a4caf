import type { Sql } from '@tollkeeper/database';
import type { FeeRate } from './split-fee.js';

/** The terms under which a payment is shared out. */
export interface DueFee {
  readonly effectId: bigint;
  readonly paymentId: string;
  readonly merchantId: string;
  readonly termsId: bigint;
  readonly rate: FeeRate;
  readonly referrer: { readonly id: string; readonly shareBps: bigint } | undefined;
}

/**
 * The terms of the payments behind these effects, by effect: those that held when each payment was claimed, so that no later
 * change of terms alters it. An effect without terms costs its merchant nothing.
 */
export async function findDueFees(sql: Sql, effectIds: readonly bigint[]): Promise<ReadonlyMap<bigint, DueFee>> {
  const rows = await sql<DueFeeRow>`
    SELECT effect.id AS "effectId", payment.id AS "paymentId", wallet.merchant_id AS "merchantId", terms.id AS "termsId",
      terms.bps::bigint AS bps, terms.fixed, referral.referrer_id AS "referrerId", referral.share_bps::bigint AS "shareBps"
    FROM effect
    JOIN asset ON asset.id = effect.asset_id
    JOIN payment ON payment.id = effect.payment_id
    JOIN deposit_address AS deposit ON deposit.network = effect.network AND deposit.address = effect.recipient
    JOIN wallet ON wallet.id = deposit.wallet_id
    JOIN LATERAL (
      SELECT id, bps, fixed FROM fee_terms
      WHERE merchant_id = wallet.merchant_id AND network = asset.network AND token = asset.token
        AND effective_from <= payment.claimed_at
      ORDER BY effective_from DESC LIMIT 1
    ) AS terms ON true
    LEFT JOIN referral ON referral.merchant_id = wallet.merchant_id AND referral.since <= payment.claimed_at
    WHERE effect.id = ANY(${effectIds}::bigint[])`;
  return new Map(rows.map((row) => [row.effectId, toDueFee(row)]));
}

interface DueFeeRow {
  readonly effectId: bigint;
  readonly paymentId: string;
  readonly merchantId: string;
  readonly termsId: bigint;
  readonly bps: bigint;
  readonly fixed: bigint;
  readonly referrerId: string | null;
  readonly shareBps: bigint | null;
}

function toDueFee({ bps, fixed, referrerId, shareBps, ...due }: DueFeeRow): DueFee {
  const referrer = referrerId === null || shareBps === null ? undefined : { id: referrerId, shareBps };
  return { ...due, rate: { bps, fixed }, referrer };
}
