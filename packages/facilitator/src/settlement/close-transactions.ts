import type { Database, Sql } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import type { Network, Rejection } from '@tollkeeper/protocol';
import { markLegsFailed, type SentTransaction } from './chain-transactions.js';
import { lockLane, type HeldLane } from './lanes.js';
import { bookFees, type NetworkFee } from './network-fees.js';
import { announceChanges } from './payment-signal.js';
import { claimLeaseSeconds } from './claim-store.js';

/** A transaction of which nothing more is to be expected. */
export interface Closing {
  readonly sent: SentTransaction;
  /** included: a block holds it. expired: no block can. replaced: its place went to a transaction that is not ours. */
  readonly state: 'included' | 'expired' | 'replaced';
  /** Wei or lamports that it cost; absent where it cost nothing. */
  readonly feePaid?: bigint;
  /** The payments that it did not carry out, and why. */
  readonly failures: ReadonlyMap<string, Rejection>;
}

export interface Closed {
  /** Transactions that need not be followed any more, siblings of the closed ones among them. */
  readonly over: readonly string[];
  /** How each transaction ended that nobody had closed before. */
  readonly ended: readonly Closing['state'][];
  readonly failed: readonly string[];
  /** Payments that must be sent again, each alone; this process has the lease for it. */
  readonly retries: readonly string[];
}

/**
 * Closes transactions, and decides what becomes of the payments that they did not carry out. A failure in company is never an
 * end: the payment is sent again alone and diagnosed there. One that travelled alone has failed. One whose place went to another
 * transaction is sent again. Everything happens once, whoever closes: evidence from the chain says the same to all. That a place is
 * gone is what the holder of its lane infers from absence, and says under the lane's fencing token.
 */
export function createClosing(parts: {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly network: Network;
  readonly processId: string;
}) {
  return async function close(closings: readonly Closing[], lane?: HeldLane): Promise<Closed> {
    return parts.database.transaction(async (sql) => {
      const closer = { ...parts, sql };
      if (lane !== undefined && !(await lockLane(sql, { ...parts, ...lane }))) return nothing;
      const own = await markClosed(closer, closings);
      const replaced = await markReplaced(closer, own);
      await bookFees(closer, feesOf(parts.network, own));
      const failed = await fail(
        closer,
        own.filter(({ sent, state }) => sent.legs.length === 1 && state !== 'replaced'),
      );
      const retries = await retry(closer, [...own.flatMap(unpaidOf), ...(await paymentsOf(closer, replaced))]);
      await markLegsFailed(sql, { network: parts.network, legs: closings.flatMap(replacedLegsOf) });
      await announceChanges(sql, failed);
      return {
        over: [...closings.map(({ sent }) => sent.id), ...replaced.map(({ id }) => id)],
        ended: [...own.map(({ state }) => state), ...replaced.map(() => 'replaced' as const)],
        failed,
        retries,
      };
    });
  };
}

/** The lane has gone to another process, which looks after it now. */
const nothing: Closed = { over: [], ended: [], failed: [], retries: [] };

/** One database transaction that closes. */
interface Closer {
  readonly sql: Sql;
  readonly ledger: Ledger;
  readonly network: Network;
  readonly processId: string;
}

/** One that nobody has closed before, or that was opened again so often. */
interface OwnClosing extends Closing {
  readonly reopened: number;
}

async function markClosed({ sql, network }: Closer, closings: readonly Closing[]): Promise<readonly OwnClosing[]> {
  const rows = await sql<{ id: string; reopened: number }>`
    WITH locked AS (
      SELECT id FROM chain_transaction
      WHERE network = ${network} AND transaction = ANY(${closings.map(({ sent }) => sent.id)}::text[]) AND state = 'pending'
      ORDER BY id
      FOR UPDATE
    )
    UPDATE chain_transaction SET state = closing.state, fee_paid = closing.fee_paid, concluded_at = now()
    FROM locked, unnest(
      ${closings.map(({ sent }) => sent.id)}::text[],
      ${closings.map(({ state }) => state)}::text[],
      ${closings.map(({ feePaid }) => feePaid ?? null)}::numeric[]
    ) AS closing (transaction, state, fee_paid)
    WHERE chain_transaction.id = locked.id AND chain_transaction.transaction = closing.transaction
    RETURNING chain_transaction.transaction AS id, chain_transaction.reopened`;
  const ours = new Map(rows.map(({ id, reopened }) => [id, reopened]));
  return closings.flatMap((closing) => {
    const reopened = ours.get(closing.sent.id);
    return reopened === undefined ? [] : [{ ...closing, reopened }];
  });
}

/** A place holds one transaction: the siblings of an included one are out. */
async function markReplaced(
  { sql, network }: Closer,
  closings: readonly Closing[],
): Promise<readonly { readonly id: string }[]> {
  const taken = closings.filter(({ state, sent }) => state === 'included' && sent.accountNonce !== undefined);
  if (taken.length === 0) return [];
  const mark = () => sql<{ id: string }>`
    UPDATE chain_transaction SET state = 'replaced', concluded_at = now()
    FROM unnest(
      ${taken.map(({ sent }) => sent.signer)}::text[], ${taken.map(({ sent }) => sent.accountNonce ?? null)}::numeric[]
    ) AS taken (signer, account_nonce)
    WHERE network = ${network} AND state = 'pending' AND chain_transaction.signer = taken.signer
      AND chain_transaction.account_nonce = taken.account_nonce
    RETURNING transaction AS id`;
  const replaced = await mark();
  // Whoever outbid one of them meanwhile was waited for, and what it stored is seen only now.
  return replaced.length === 0 ? [] : [...replaced, ...(await mark())];
}

async function paymentsOf(
  { sql, network }: Closer,
  transactions: readonly { readonly id: string }[],
): Promise<readonly string[]> {
  if (transactions.length === 0) return [];
  const rows = await sql<{ paymentId: string }>`
    SELECT DISTINCT leg.payment_id AS "paymentId"
    FROM transaction_leg AS leg JOIN chain_transaction AS sent ON sent.id = leg.transaction_id
    WHERE sent.network = ${network} AND sent.transaction = ANY(${transactions.map(({ id }) => id)}::text[])`;
  return rows.map(({ paymentId }) => paymentId);
}

async function fail({ sql }: Closer, closings: readonly Closing[]): Promise<readonly string[]> {
  const failures = closings.flatMap(({ sent, failures }) =>
    [...failures].map(([paymentId, rejection]) => ({ paymentId, rejection, transaction: sent.id })),
  );
  if (failures.length === 0) return [];
  const rows = await sql<{ id: string }>`
    UPDATE payment
    SET state = 'failed', concluded_at = now(), transaction = failure.transaction, failure_reason = failure.reason,
      failure_detail = failure.detail, retry_alone = false, lease_holder = NULL, lease_until = NULL
    FROM unnest(
      ${failures.map(({ paymentId }) => paymentId)}::uuid[],
      ${failures.map(({ transaction }) => transaction)}::text[],
      ${failures.map(({ rejection }) => rejection.reason)}::text[],
      ${failures.map(({ rejection }) => rejection.detail)}::text[]
    ) AS failure (id, transaction, reason, detail)
    WHERE payment.id = failure.id AND payment.state = 'submitted' AND NOT EXISTS (
      SELECT FROM transaction_leg AS leg JOIN chain_transaction AS sent ON sent.id = leg.transaction_id
      WHERE leg.payment_id = payment.id AND sent.state = 'pending')
    RETURNING payment.id`;
  return rows.map(({ id }) => id);
}

async function retry({ sql, processId }: Closer, paymentIds: readonly string[]): Promise<readonly string[]> {
  if (paymentIds.length === 0) return [];
  const rows = await sql<{ id: string }>`
    UPDATE payment
    SET retry_alone = true, lease_holder = ${processId}::uuid,
      lease_until = now() + make_interval(secs => ${claimLeaseSeconds})
    WHERE id = ANY(${paymentIds}::uuid[]) AND state = 'submitted' AND NOT retry_alone AND NOT EXISTS (
      SELECT FROM transaction_leg AS leg JOIN chain_transaction AS sent ON sent.id = leg.transaction_id
      WHERE leg.payment_id = payment.id AND sent.state = 'pending')
    RETURNING id`;
  return rows.map(({ id }) => id);
}

function feesOf(network: Network, closings: readonly OwnClosing[]): readonly NetworkFee[] {
  return closings.flatMap(({ sent: { id, signer }, feePaid: paid, reopened }) =>
    paid === undefined ? [] : [{ network, transaction: id, signer, paid, reopened }],
  );
}

/** Also of what was closed before: a reorg may drop a transaction, and another one take its place. */
function replacedLegsOf({ sent: { id, legs }, state }: Closing) {
  return state === 'replaced' ? legs.map(({ paymentId }) => ({ id, paymentId })) : [];
}

function unpaidOf({ failures }: Closing): readonly string[] {
  return [...failures.keys()];
}

/** Ends a retry that was found hopeless before anything more was signed; false when it is not this process's any more. */
export async function endRetry(
  { sql }: Database,
  retry: { readonly paymentId: string; readonly processId: string; readonly rejection: Rejection },
): Promise<boolean> {
  const rows = await sql`
    UPDATE payment
    SET state = 'failed', concluded_at = now(), failure_reason = ${retry.rejection.reason},
      failure_detail = ${retry.rejection.detail}, retry_alone = false, lease_holder = NULL, lease_until = NULL
    WHERE id = ${retry.paymentId}::uuid AND retry_alone AND lease_holder = ${retry.processId}::uuid
    RETURNING id`;
  return rows.length === 1;
}
