import type { Database } from '@tollkeeper/database';
import type { Chain, Rejection } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { SentTransaction } from './chain-transactions.js';
import type { Closing } from './close-transactions.js';
import { findPendingOf, findStuck } from './lane-order.js';
import { skipUsedNonces, type HeldLane } from './lanes.js';
import type { PlaceEvent } from './place-event.js';
import { createReplacing } from './replace-stuck.js';

/** A place that somebody else took must have been seen so for this long: a node may know the count before the receipt. */
const foreignAfterMs = 4_000;

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
  const replace = createReplacing(parts);
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
    const order = { database, network, signer: lane.signer };
    const pending = await findPendingOf(order);
    await closeForeign(pending, next);
    await fillGap(lane.signer, next, pending);
    for (const stuck of await findStuck(order, { next, replaceAfterMs: parts.replaceAfterMs })) {
      const sent = pending.find(({ id }) => id === stuck.transaction);
      if (sent !== undefined) await replace(lane, sent, stuck.isDead ? 'cancel' : 'again');
    }
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
}

function failuresOf(sent: SentTransaction): ReadonlyMap<string, Rejection> {
  return new Map(sent.legs.map(({ paymentId }) => [paymentId, placeTaken] as const));
}

const placeTaken: Rejection = {
  reason: 'unexpected_settle_error',
  detail: 'Another transaction took the place of ours on chain',
};
