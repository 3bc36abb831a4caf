import type { Sql } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';

/** A payment to one of a merchant's wallets, as its list shows it. */
export interface WalletPayment {
  readonly id: string;
  readonly walletId: string;
  readonly state: 'claimed' | 'submitted' | 'settled' | 'failed';
  readonly network: Network;
  readonly asset: string;
  /** Minor units, before fees. */
  readonly amount: bigint;
  readonly payer: string;
  readonly payTo: string;
  readonly transaction: string | null;
  /** Whether the chain can still undo it; null while nothing is on chain. */
  readonly finality: 'confirmed' | 'final' | 'reversed' | null;
  /** What it cost and what is left of it, once it is final. */
  readonly fee: bigint | null;
  readonly net: bigint | null;
  readonly claimedAt: Date;
  readonly concludedAt: Date | null;
}

/** The payments of these ids that this transaction sees, the newest first. */
export async function readPayments(sql: Sql, ids: readonly string[]): Promise<readonly WalletPayment[]> {
  return sql<WalletPayment>`
    SELECT payment.id, deposit.wallet_id AS "walletId",
      CASE payment.state WHEN 'refused' THEN 'claimed' ELSE payment.state END AS state, payment.network,
      payment.token AS asset, payment.amount, payment.payer, payment.pay_to AS "payTo", payment.transaction,
      CASE WHEN effect.final_at IS NOT NULL THEN 'final' WHEN effect.reversed_at IS NOT NULL THEN 'reversed'
           WHEN effect.id IS NOT NULL THEN 'confirmed' END AS finality,
      CASE WHEN effect.final_at IS NOT NULL THEN payment.amount - coalesce(shared.net, payment.amount) END AS fee,
      CASE WHEN effect.final_at IS NOT NULL THEN coalesce(shared.net, payment.amount) END AS net,
      payment.claimed_at AS "claimedAt", payment.concluded_at AS "concludedAt"
    FROM payment
    JOIN deposit_address AS deposit ON deposit.network = payment.network AND deposit.address = payment.pay_to
    LEFT JOIN effect ON effect.payment_id = payment.id
    LEFT JOIN payment_fee AS shared ON shared.payment_id = payment.id
    WHERE payment.id = ANY(${ids}::uuid[])
    ORDER BY payment.claimed_at DESC, payment.id DESC`;
}
