import type { Database } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import type { Chain } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { findTransactions, type SentTransaction } from './chain-transactions.js';
import type { Closing } from './close-transactions.js';
import { createDroppedPlaces } from './dropped-places.js';
import { createEmptyPlaces } from './empty-places.js';
import { createForeignPlaces } from './foreign-places.js';
import { findDroppedOf, findPendingOf, findStuck } from './lane-order.js';
import type { HeldLane } from './lanes.js';
import type { PlaceEvent } from './place-event.js';
import { createReplacing } from './replace-stuck.js';
import { sendTogether } from './send-together.js';
import type { SettlementEvents } from './settlement-events.js';
import { createSkippedPlaces } from './skipped-places.js';
import type { Sponsorship } from './sponsorship.js';

export interface Places {
  /** One look at the places of the lanes that this process holds. Never throws. */
  look(held: readonly HeldLane[]): Promise<void>;
}

interface PlacesParts {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly chain: Chain;
  readonly processId: string;
  readonly sponsorship: Sponsorship;
  /** A transaction that no block has taken for this long is outbid, and a place that was empty for this long is filled. */
  readonly replaceAfterMs: number;
  readonly track: (sent: SentTransaction) => void;
  readonly close: (closings: readonly Closing[], lane: HeldLane) => Promise<unknown>;
  readonly onEvent: (event: PlaceEvent) => void;
  readonly events: Pick<SettlementEvents, 'onResend'>;
  readonly log: Logger;
}

/**
 * Keeps the order of the signers moving: outbids what is stuck, cancels what can only fail, notices places that foreign
 * transactions took, fills again what a reorg has emptied, and places for which nothing of ours was ever signed.
 */
export function createPlaces(parts: PlacesParts): Places {
  const { database, chain, log } = parts;
  const { network } = chain;
  const replace = createReplacing(parts);
  const closeForeign = createForeignPlaces(parts);
  const skipUsed = createSkippedPlaces(parts);
  const refill = createDroppedPlaces({ ...parts, openAfterMs: parts.replaceAfterMs });
  const fillEmpty = createEmptyPlaces({ ...parts, fillAfterMs: parts.replaceAfterMs });

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
    await skipUsed(lane, next);
    const order = { database, network, signer: lane.signer };
    const pending = await findPendingOf(order);
    const dropped = await findDroppedOf(order, next);
    await closeForeign(lane, { pending: [...pending, ...dropped], next });
    await refill(lane, { next, pending });
    await fillEmpty(lane, next);
    const stuck = await findStuck(order, { next, replaceAfterMs: parts.replaceAfterMs });
    const isDead = new Map(stuck.map((each) => [each.transaction, each.isDead]));
    await sendTogether(await findTransactions(database, { network, ids: [...isDead.keys()] }), async (sent) => {
      const isHopeless = isDead.get(sent.id) === true || (await isTooLarge(sent));
      return replace(lane, sent, isHopeless ? 'cancel' : 'again');
    });
  }

  /** No bid gets it into a block. Its payments are sent again, each alone, when nothing else can take its place. */
  async function isTooLarge(sent: SentTransaction): Promise<boolean> {
    return sent.legs.length > 1 && !(await chain.fitsBlock(sent));
  }
}
