import type { Database } from '@tollkeeper/database';
import type { Network, Payment } from '@tollkeeper/protocol';
import { claimLeaseSeconds } from './claim-store.js';
import { readStoredRequest } from './stored-request.js';

/** The transaction by which somebody else carried a payment out. */
export interface Overtaking {
  readonly transaction: string;
  readonly claimedAtBlock: bigint;
  /** The clock of its block, in seconds since 1970. */
  readonly atSeconds: bigint;
  /** Whether the height at the claim is known; otherwise that clock alone must tell that the claim is older. */
  readonly isHeightKnown: boolean;
}

/** A payment that waits to be signed, with what it is examined from. */
export interface QueuedPayment {
  readonly paymentId: string;
  /** Absent for payments that older versions stored. */
  readonly request: Payment | undefined;
  /** The height of the chain when it was claimed; null where nobody has read it. */
  readonly claimedAtBlock: bigint | null;
  /** Its claim is that of a process that died. */
  readonly isTakenOver: boolean;
  /** Its transaction did not move its money, in company: it travels alone now. */
  readonly alone: boolean;
}

/** A payment that this process does not sign after all. */
export interface HandedOver {
  readonly paymentId: string;
  /** The height of the chain when it was claimed, as far as this process knows it. */
  readonly claimedAtBlock: bigint | undefined;
}

/** After so many seconds it is looked again at a payment that somebody else carried out and that is not settled yet. */
const overtakenLookSeconds = 2;

/**
 * A block's clock may be behind ours by so many seconds: on some chains a block bears the time at which its making began. A block
 * with an older clock was there before the claim, whatever height a node that is behind told.
 */
const blockClockSeconds = 15;

interface QueuedRow {
  readonly id: string;
  readonly request: string | null;
  readonly alone: boolean;
  readonly claimedAtBlock: bigint | null;
  readonly isTakenOver: boolean;
}

function asQueued(row: QueuedRow): QueuedPayment {
  return {
    paymentId: row.id,
    isTakenOver: row.isTakenOver,
    alone: row.alone,
    claimedAtBlock: row.claimedAtBlock,
    request: row.request === null ? undefined : readStoredRequest(row.request),
  };
}

/** How payments pass from the process that has them to one that can sign them. */
export function createQueuedPayments(parts: { readonly database: Database; readonly processId: string }) {
  const { sql } = parts.database;
  return { handOver, noteHeight, takeQueued, findOwnRetries, markOvertaken, defer, takeDropped };

  /** Leaves payments to whichever process can sign them, with the heights of their claims. */
  async function handOver(payments: readonly HandedOver[]): Promise<void> {
    const ids = payments.map(({ paymentId }) => paymentId);
    const heights = payments.map(({ claimedAtBlock }) => claimedAtBlock ?? null);
    await sql`
      UPDATE payment SET lease_holder = NULL, claimed_at_block = coalesce(claimed_at_block, height)
      FROM unnest(${ids}::uuid[], ${heights}::numeric[]) AS handed (payment_id, height)
      WHERE id = payment_id AND id = ANY(${ids}::uuid[]) AND (state = 'claimed' OR retry_alone)
        AND lease_holder = ${parts.processId}::uuid`;
  }

  /** Notes the height of the chain after a claim that another process is to sign; not after a claim of before. */
  async function noteHeight(id: string, height: bigint): Promise<void> {
    await sql`
      UPDATE payment SET claimed_at_block = ${height}
      WHERE id = ${id}::uuid AND state = 'claimed' AND claimed_at_block IS NULL AND NOT taken_over`;
  }

  /** Takes the oldest payments of a network that wait for a process that can sign, and retries whose process is gone. */
  async function takeQueued(network: Network, limit: number): Promise<readonly QueuedPayment[]> {
    const rows = await sql<QueuedRow>`
      UPDATE payment
      SET lease_holder = ${parts.processId}::uuid, lease_until = now() + make_interval(secs => ${claimLeaseSeconds})
      WHERE id IN (
        SELECT id FROM payment
        WHERE id = ANY(ARRAY(SELECT payment_id FROM payment_in_flight WHERE network = ${network})) AND (
          (state = 'claimed' AND lease_holder IS NULL AND lease_until >= now())
          OR (retry_alone AND (lease_holder IS NULL OR lease_until < now())))
        ORDER BY claimed_at
        LIMIT ${limit}
        FOR UPDATE SKIP LOCKED)
      RETURNING id, request, retry_alone AS alone, claimed_at_block AS "claimedAtBlock", taken_over AS "isTakenOver"`;
    return rows.map(asQueued);
  }

  /** The retries among these that this process has the lease for. */
  async function findOwnRetries(ids: readonly string[]): Promise<readonly QueuedPayment[]> {
    const rows = await sql<QueuedRow>`
      SELECT id, request, retry_alone AS alone, claimed_at_block AS "claimedAtBlock", taken_over AS "isTakenOver" FROM payment
      WHERE id = ANY(${ids}::uuid[]) AND retry_alone AND lease_holder = ${parts.processId}::uuid`;
    return rows.map(asQueued);
  }

  /**
   * Notes the transaction by which somebody else carried a claimed payment out. False where the claim is gone, or younger than
   * that transaction.
   */
  async function markOvertaken(id: string, by: Overtaking): Promise<boolean> {
    const toleranceSeconds = by.isHeightKnown ? blockClockSeconds : 0;
    const rows = await sql`
      UPDATE payment
      SET state = 'submitted', submitted_at = now(), transaction = ${by.transaction}, claimed_at_block = ${by.claimedAtBlock},
        retry_alone = true, lease_until = now() + make_interval(secs => ${overtakenLookSeconds})
      WHERE id = ${id}::uuid AND state = 'claimed' AND lease_holder = ${parts.processId}::uuid
        AND to_timestamp(${by.atSeconds}::numeric) >= date_trunc('second', claimed_at) - make_interval(secs => ${toleranceSeconds})
      RETURNING id`;
    return rows.length === 1;
  }

  /** Leaves a retry to whoever looks at it in a moment. */
  async function defer(id: string): Promise<void> {
    await sql`
      UPDATE payment SET lease_until = now() + make_interval(secs => ${overtakenLookSeconds})
      WHERE id = ${id}::uuid AND retry_alone AND lease_holder = ${parts.processId}::uuid`;
  }

  /**
   * Takes payments whose block is gone and that nothing we have signed can carry out any more, those first that were not tried
   * for longest.
   */
  async function takeDropped(network: Network, limit: number): Promise<readonly QueuedPayment[]> {
    const rows = await sql<QueuedRow>`
      UPDATE payment
      SET lease_holder = ${parts.processId}::uuid, lease_until = now() + make_interval(secs => ${claimLeaseSeconds})
      WHERE id IN (
        SELECT payment.id FROM effect JOIN payment ON payment.id = effect.payment_id
        WHERE effect.network = ${network} AND effect.reversed_at IS NOT NULL AND effect.lost_at IS NULL
          AND payment.state = 'settled' AND (payment.lease_until IS NULL OR payment.lease_until < now())
          AND NOT EXISTS (SELECT FROM transaction_leg AS leg WHERE leg.payment_id = payment.id AND leg.failed_at IS NULL)
        ORDER BY payment.lease_until NULLS FIRST, effect.reversed_at
        LIMIT ${limit}
        FOR UPDATE OF payment SKIP LOCKED)
      RETURNING id, request, true AS alone, claimed_at_block AS "claimedAtBlock", taken_over AS "isTakenOver"`;
    return rows.map(asQueued);
  }
}
