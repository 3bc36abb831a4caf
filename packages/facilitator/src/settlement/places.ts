import type { Database, Sql } from '@tollkeeper/database';
import type { Chain, Rejection } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { findTransactions, storeSigned, type SentTransaction } from './chain-transactions.js';
import type { Closing } from './close-transactions.js';
import { lockLane, skipUsedNonces, type HeldLane } from './lanes.js';

/** How many stuck places of a lane are worked on in one look; the others wait for these anyway. */
const placesPerLook = 16;

/** How many transactions of a lane, the first in its order, are read in one look. */
const transactionsPerLook = 64;

/** A place that somebody else took must have been seen so for this long: a node may know the count before the receipt. */
const foreignAfterMs = 4_000;

/** What was done about places in a signer's order, as it is counted. */
export type PlaceEvent = 'fee_raised' | 'cancelled' | 'foreign' | 'sent_again' | 'fee_above_limit';

export interface Places {
  /** One look at the places of the lanes that this process holds. Never throws. */
  look(held: readonly HeldLane[]): Promise<void>;
}

/**
 * Keeps the order of the signers moving: outbids what is stuck, cancels what can only fail, notices places that foreign
 * transactions took, and sends again what a reorg has dropped.
 */
export function createPlaces(parts: {
  readonly database: Database;
  readonly chain: Chain;
  readonly processId: string;
  /** A transaction that no block has taken for this long is outbid. */
  readonly replaceAfterMs: number;
  readonly track: (sent: SentTransaction) => void;
  readonly close: (closings: readonly Closing[]) => Promise<unknown>;
  readonly onEvent: (event: PlaceEvent) => void;
  readonly log: Logger;
}): Places {
  const { database, chain, processId, log } = parts;
  const { network } = chain;
  /** Since when a place is known to be taken by a foreign transaction, in the process's time. */
  const foreignSince = new Map<string, number>();

  return {
    async look(held) {
      for (const lane of held) {
        try {
          await lookAt(lane);
        } catch (error) {
          log.warn({ err: error, network, signer: lane.signer }, 'a lane could not be looked after; it is tried again');
        }
      }
    },
  };

  async function lookAt(lane: HeldLane): Promise<void> {
    const next = await chain.nextAccountNonce(lane.signer);
    if (next === undefined) return;
    await skipUsedNonces(database.sql, { ...lane, network, processId, next });
    const pending = await findPendingOf(lane);
    await closeForeign(pending, next);
    await fillGap(lane.signer, next, pending);
    for (const stuck of await findStuck(lane, next)) {
      const sent = pending.find(({ id }) => id === stuck.transaction);
      if (sent !== undefined) await replace(lane, sent, stuck.isDead ? 'cancel' : 'again');
    }
  }

  async function findPendingOf({ signer }: HeldLane): Promise<readonly SentTransaction[]> {
    const rows = await database.sql<{ id: string }>`
      SELECT transaction AS id FROM chain_transaction
      WHERE network = ${network} AND signer = ${signer} AND state = 'pending'
      ORDER BY account_nonce LIMIT ${transactionsPerLook}`;
    return findTransactions(database, { network, ids: rows.map(({ id }) => id) });
  }

  /** Their account nonce is used, and not by any of ours: they will never be mined. */
  async function closeForeign(pending: readonly SentTransaction[], next: bigint): Promise<void> {
    const behind = pending.filter(({ accountNonce }) => accountNonce !== undefined && accountNonce < next);
    for (const id of foreignSince.keys()) if (!behind.some((sent) => sent.id === id)) foreignSince.delete(id);
    const suspects = behind.flatMap((sent) => sent.legs.slice(0, 1).map(({ expected }) => ({ ...sent, expected })));
    if (suspects.length === 0) return;
    const observations = await chain.observe(suspects);
    const lost = behind.filter((_, index) => {
      const observation = observations[index];
      return observation?.state === 'pending' && observation.inBlock !== true;
    });
    const nowMs = performance.now();
    for (const { id } of lost) if (!foreignSince.has(id)) foreignSince.set(id, nowMs);
    const certain = lost.filter(({ id }) => nowMs - (foreignSince.get(id) ?? nowMs) >= foreignAfterMs);
    if (certain.length === 0) return;
    for (const { id, signer } of certain) {
      parts.onEvent('foreign');
      log.error({ network, signer, transaction: id }, 'a transaction that is not ours took the place of one of ours');
    }
    await parts.close(certain.map((sent) => ({ sent, state: 'replaced', failures: failuresOf(sent) })));
  }

  /** A reorg may drop a transaction whose payments are long decided; later ones wait for its place to be filled again. */
  async function fillGap(signer: string, next: bigint, pending: readonly SentTransaction[]): Promise<void> {
    if (pending.some(({ accountNonce }) => accountNonce === next)) return;
    const rows = await database.sql<{ transaction: string; raw: Uint8Array }>`
      SELECT transaction, raw FROM chain_transaction
      WHERE network = ${network} AND signer = ${signer} AND account_nonce = ${next} ORDER BY id DESC`;
    for (const { transaction, raw } of rows) {
      parts.onEvent('sent_again');
      await chain.broadcast({ id: transaction, raw, signer, accountNonce: next });
    }
  }

  /** The last bidder of each place that has waited too long, and whether every payment in it is void by now. */
  async function findStuck(lane: HeldLane, next: bigint): Promise<readonly { transaction: string; isDead: boolean }[]> {
    return database.sql<{ transaction: string; isDead: boolean }>`
      SELECT last.transaction, NOT EXISTS (
          SELECT FROM transaction_leg AS leg JOIN payment ON payment.id = leg.payment_id
          WHERE leg.transaction_id = last.id AND payment.state = 'submitted'
            AND (payment.valid_before IS NULL OR payment.valid_before > extract(epoch FROM now()))
        ) AS "isDead"
      FROM (
        SELECT DISTINCT ON (account_nonce) id, transaction, account_nonce, signed_at, purpose
        FROM chain_transaction
        WHERE network = ${network} AND signer = ${lane.signer} AND state = 'pending' AND account_nonce >= ${next}
        ORDER BY account_nonce, id DESC
      ) AS last
      WHERE last.signed_at < now() - make_interval(secs => ${parts.replaceAfterMs / 1000})
      ORDER BY last.account_nonce
      LIMIT ${placesPerLook}`;
  }

  async function replace(lane: HeldLane, sent: SentTransaction, purpose: 'again' | 'cancel'): Promise<void> {
    const fields = { network, signer: lane.signer, replaced: sent.id, purpose };
    const plan = await chain.replace(sent, purpose);
    if (plan === undefined) {
      parts.onEvent('fee_above_limit');
      log.warn(fields, 'a stuck transaction is not outbid: the fee would be above the limit');
      return;
    }
    const signed = plan.sign(sent.accountNonce);
    const stored = await database.transaction((sql) => store(sql, { lane, sent, signed, purpose }));
    if (!stored) return;
    const replacement = { ...signed, network, legs: sent.legs };
    const result = await chain.broadcast(replacement);
    parts.onEvent(purpose === 'cancel' ? 'cancelled' : 'fee_raised');
    log.warn({ ...fields, transaction: signed.id, accepted: result.accepted }, 'stuck transaction replaced');
    parts.track(replacement);
  }

  async function store(sql: Sql, { lane, sent, signed, purpose }: Replacement): Promise<boolean> {
    if (!(await lockLane(sql, { ...lane, network, processId }))) return false;
    const [open] = await sql`
      SELECT id FROM chain_transaction
      WHERE network = ${network} AND transaction = ${sent.id} AND state = 'pending' FOR UPDATE`;
    if (open === undefined) return false;
    const paymentIds = sent.legs.map(({ paymentId }) => paymentId);
    await storeSigned(sql, {
      network,
      transactions: [
        {
          signed,
          paymentIds,
          replacement: { of: sent.id, purpose: purpose === 'cancel' ? 'cancellation' : 'settlement' },
        },
      ],
    });
    await sql`
      UPDATE payment SET transaction = ${signed.id} WHERE id = ANY(${paymentIds}::uuid[]) AND state = 'submitted'`;
    return true;
  }
}

interface Replacement {
  readonly lane: HeldLane;
  readonly sent: SentTransaction;
  readonly signed: Parameters<typeof storeSigned>[1]['transactions'][number]['signed'];
  readonly purpose: 'again' | 'cancel';
}

function failuresOf(sent: SentTransaction): ReadonlyMap<string, Rejection> {
  return new Map(sent.legs.map(({ paymentId }) => [paymentId, placeTaken] as const));
}

const placeTaken: Rejection = {
  reason: 'unexpected_settle_error',
  detail: 'Another transaction took the place of ours on chain',
};
