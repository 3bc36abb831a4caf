import type { Database, Sql } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import { findTransactions, type SentTransaction } from './chain-transactions.js';

/** How many stuck places of a lane are worked on in one look; the others wait for these anyway. */
const placesPerLook = 16;

/** How many transactions of a lane, the first in its order, are read in one look. */
const transactionsPerLook = 64;

/** The transactions of one signer, whose account nonces put them in order. */
export interface LaneOrder {
  readonly database: Database;
  readonly network: Network;
  readonly signer: string;
}

/** The first of them that have no outcome yet. */
export async function findPendingOf({ database, network, signer }: LaneOrder): Promise<readonly SentTransaction[]> {
  const rows = await database.sql<{ id: string }>`
    SELECT transaction AS id FROM chain_transaction
    WHERE network = ${network} AND signer = ${signer} AND state = 'pending'
    ORDER BY account_nonce LIMIT ${transactionsPerLook}`;
  return findTransactions(database, { network, ids: rows.map(({ id }) => id) });
}

/**
 * Those behind `next` that a reorg dropped after they were closed, and whose payments they may still carry out: another
 * transaction may have their places.
 */
export async function findDroppedOf(
  { database, network, signer }: LaneOrder,
  next: bigint,
): Promise<readonly SentTransaction[]> {
  const rows = await database.sql<{ id: string }>`
    SELECT DISTINCT sent.transaction AS id, sent.account_nonce
    FROM effect
    JOIN transaction_leg AS leg ON leg.payment_id = effect.payment_id AND leg.failed_at IS NULL
    JOIN chain_transaction AS sent ON sent.id = leg.transaction_id
    WHERE effect.network = ${network} AND effect.reversed_at IS NOT NULL AND effect.lost_at IS NULL
      AND sent.signer = ${signer} AND sent.account_nonce < ${next} AND sent.state <> 'pending'
    ORDER BY sent.account_nonce LIMIT ${transactionsPerLook}`;
  return findTransactions(database, { network, ids: rows.map(({ id }) => id) });
}

/**
 * The last bidder of each place that has waited too long, and whether the place is given up: it is being cancelled already, or
 * every payment in it is void by now. A payment that this place has settled is not void before that is final: a reorg may have
 * dropped it again. One that a reorg has dropped is not void in any place.
 */
export async function findStuck(
  { database, network, signer }: LaneOrder,
  { next, replaceAfterMs }: { readonly next: bigint; readonly replaceAfterMs: number },
): Promise<readonly { transaction: string; isDead: boolean }[]> {
  return database.sql<{ transaction: string; isDead: boolean }>`
    SELECT last.transaction, last.purpose = 'cancellation' OR NOT EXISTS (
        SELECT FROM transaction_leg AS leg JOIN payment ON payment.id = leg.payment_id
        WHERE leg.transaction_id = last.id
          AND (payment.state = 'submitted' OR EXISTS (
            SELECT FROM effect LEFT JOIN chain_transaction AS sent
              ON sent.network = effect.network AND sent.transaction = effect.transaction
            WHERE effect.payment_id = payment.id AND effect.final_at IS NULL AND effect.lost_at IS NULL
              AND (effect.reversed_at IS NOT NULL
                OR (sent.signer = ${signer} AND sent.account_nonce = last.account_nonce))))
          AND (payment.valid_before IS NULL OR payment.valid_before > extract(epoch FROM now()))
      ) AS "isDead"
    FROM (
      SELECT DISTINCT ON (account_nonce) id, transaction, account_nonce, signed_at, purpose
      FROM chain_transaction
      WHERE network = ${network} AND signer = ${signer} AND state = 'pending' AND account_nonce >= ${next}
      ORDER BY account_nonce, id DESC
    ) AS last
    WHERE last.signed_at < now() - make_interval(secs => ${replaceAfterMs / 1000})
    ORDER BY last.account_nonce
    LIMIT ${placesPerLook}`;
}

/** The first places that were given out, or skipped, from `next` on and for which nothing of ours was ever signed. */
export async function findEmpty({ database, network, signer }: LaneOrder, next: bigint): Promise<readonly bigint[]> {
  const rows = await database.sql<{ place: bigint }>`
    SELECT place FROM lane, generate_series(
      ${next}::numeric, least(lane.next_account_nonce, ${next}::numeric + ${placesPerLook}) - 1) AS place
    WHERE lane.network = ${network} AND lane.signer = ${signer} AND NOT EXISTS (
      SELECT FROM chain_transaction AS sent
      WHERE sent.network = ${network} AND sent.signer = ${signer} AND sent.account_nonce = place)
    ORDER BY place`;
  return rows.map(({ place }) => place);
}

/** How many such places there are from `next` on. */
export async function countEmpty({ database, network, signer }: LaneOrder, next: bigint): Promise<bigint> {
  const [row] = await database.sql<{ places: bigint }>`
    SELECT next_account_nonce - ${next}::numeric - (
      SELECT count(DISTINCT sent.account_nonce) FROM chain_transaction AS sent
      WHERE sent.network = ${network} AND sent.signer = ${signer}
        AND sent.account_nonce >= ${next} AND sent.account_nonce < lane.next_account_nonce) AS places
    FROM lane WHERE network = ${network} AND signer = ${signer}`;
  return row?.places ?? 0n;
}

/** Whether nothing of ours was ever signed for a place. To be asked while the lane is locked. */
export async function isEmpty(
  sql: Sql,
  place: { readonly network: Network; readonly signer: string; readonly accountNonce: bigint },
): Promise<boolean> {
  const rows = await sql`
    SELECT FROM chain_transaction
    WHERE network = ${place.network} AND signer = ${place.signer} AND account_nonce = ${place.accountNonce} LIMIT 1`;
  return rows.length === 0;
}
