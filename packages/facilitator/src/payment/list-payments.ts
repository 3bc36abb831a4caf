import type { Database } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';

/** A payment as an operator finds it. Amounts are minor units of the token. */
export interface ListedPayment {
  readonly id: string;
  readonly state: string;
  readonly network: Network;
  readonly token: string;
  readonly amount: bigint;
  readonly payer: string;
  readonly payTo: string;
  readonly transaction: string | null;
  readonly failureReason: string | null;
  readonly claimedAt: Date;
}

export interface PaymentFilter {
  readonly wallet?: string | undefined;
  readonly state?: string | undefined;
  readonly network?: string | undefined;
  readonly payer?: string | undefined;
  readonly limit: number;
}

/** Payments of every merchant, newest first: their ids grow with time, and are indexed. */
export function listPayments({ sql }: Database, filter: PaymentFilter): Promise<readonly ListedPayment[]> {
  const { wallet = null, state = null, network = null, payer = null, limit } = filter;
  return sql<ListedPayment>`
    SELECT id, state, network, token, amount, payer, pay_to AS "payTo", transaction, failure_reason AS "failureReason",
      claimed_at AS "claimedAt"
    FROM payment
    WHERE (${state}::text IS NULL OR state = ${state}) AND (${network}::text IS NULL OR network = ${network})
      AND (${payer}::text IS NULL OR payer = ${payer} OR payer LIKE '0x%' AND lower(payer) = lower(${payer}))
      AND (${wallet}::uuid IS NULL
        OR (network, pay_to) IN (SELECT network, address FROM deposit_address WHERE wallet_id = ${wallet}::uuid))
    ORDER BY id DESC LIMIT ${limit}`;
}
