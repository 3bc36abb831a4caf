import type { Database } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import type { PaymentRow } from './payment-row.js';

/**
 * A payment that was submitted so long ago should have an outcome: a Solana transaction lives for a minute or two, and an EVM one
 * is outbid four times a minute. Somebody has to look why the chain does not tell it, or does not take it.
 */
export const overdueSeconds = 600;

export function isOverdue({ state, submittedAt }: PaymentRow, now: Date): boolean {
  return (
    state === 'submitted' && submittedAt !== null && now.getTime() - submittedAt.getTime() > overdueSeconds * 1_000
  );
}

/** A payment that is submitted for too long, and the transaction that its outcome depends on. */
interface OverduePayment {
  readonly paymentId: string;
  readonly transaction: string | null;
  readonly submittedAt: Date;
}

/** The oldest overdue payments of a network. Reads only what is in flight. */
export async function findOverdue(
  { sql }: Database,
  { network, limit }: { readonly network: Network; readonly limit: number },
): Promise<readonly OverduePayment[]> {
  return sql<OverduePayment>`
    SELECT id AS "paymentId", transaction, submitted_at AS "submittedAt" FROM payment
    WHERE id = ANY(ARRAY(SELECT payment_id FROM payment_in_flight WHERE network = ${network}))
      AND state = 'submitted' AND submitted_at < now() - make_interval(secs => ${overdueSeconds})
    ORDER BY claimed_at
    LIMIT ${limit}`;
}

/** How many payments are overdue, by network, zeros included. */
export async function countOverdue(
  { sql }: Database,
  networks: readonly Network[],
): Promise<readonly { readonly network: Network; readonly count: number }[]> {
  const rows = await sql<{ network: Network; count: bigint }>`
    SELECT network, count(overdue.id) AS count
    FROM unnest(${networks}::text[]) AS network
    LEFT JOIN (
      SELECT id, network FROM payment
      WHERE id = ANY(ARRAY(SELECT payment_id FROM payment_in_flight))
        AND state = 'submitted' AND submitted_at < now() - make_interval(secs => ${overdueSeconds})
    ) AS overdue USING (network)
    GROUP BY network`;
  return rows.map(({ network, count }) => ({ network, count: Number(count) }));
}
