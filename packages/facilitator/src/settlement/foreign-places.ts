import type { Chain, Rejection } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { SentTransaction } from './chain-transactions.js';
import type { Closing } from './close-transactions.js';
import type { HeldLane } from './lanes.js';
import { observeApart } from './observe-apart.js';
import type { PlaceEvent } from './place-event.js';

/**
 * A place that somebody else took must have been seen so for this long: a node may know the count before the receipt, and may
 * tell a wrong count once.
 */
export const foreignAfterMs = 4_000;

/** Notices places in a signer's order that transactions took which are not ours. */
export function createForeignPlaces(parts: {
  readonly chain: Chain;
  readonly close: (closings: readonly Closing[], lane: HeldLane) => Promise<unknown>;
  readonly onEvent: (event: PlaceEvent) => void;
  readonly log: Logger;
}) {
  const { chain, log } = parts;
  const { network } = chain;
  /** Since when each of a signer's transactions is missing in its place, in the process's time. */
  const missingSince = new Map<string, ReadonlyMap<string, number>>();
  return closeForeign;

  /** Their account nonce is used, and not by any of ours: they will never be mined. */
  async function closeForeign(
    lane: HeldLane,
    { pending, next }: { readonly pending: readonly SentTransaction[]; readonly next: bigint },
  ): Promise<void> {
    const { signer } = lane;
    const behind = pending.filter(({ accountNonce }) => accountNonce !== undefined && accountNonce < next);
    if (behind.length === 0) {
      missingSince.delete(signer);
      return;
    }
    const certain = seenForLong(signer, await withoutKnown(await findMissing(behind)));
    if (certain.length === 0) return;
    for (const { id } of certain) {
      parts.onEvent('foreign');
      log.error({ network, signer, transaction: id }, 'a transaction that is not ours took the place of one of ours');
    }
    await parts.close(
      certain.map((sent) => ({ sent, state: 'replaced', failures: failuresOf(sent) })),
      lane,
    );
  }

  async function findMissing(behind: readonly SentTransaction[]): Promise<readonly SentTransaction[]> {
    // Only whether a block holds them counts here, and not what became of their payments.
    const observations = await observeApart(
      parts,
      behind.map(({ id, raw }) => ({ id, raw })),
    );
    return ofWholePlaces(
      behind,
      observations.map((observation) => observation?.state === 'pending' && observation.inBlock !== true),
    );
  }

  /** A node that still knows our transaction took it and cannot prove that yet: its evidence may be late, or of a dropped block. */
  async function withoutKnown(missing: readonly SentTransaction[]): Promise<readonly SentTransaction[]> {
    return ofWholePlaces(
      missing,
      await Promise.all(missing.map(async (sent) => !(await chain.broadcast(sent)).accepted)),
    );
  }

  /** Those that were missing before, for long enough. */
  function seenForLong(signer: string, missing: readonly SentTransaction[]): readonly SentTransaction[] {
    const nowMs = performance.now();
    const before = missingSince.get(signer);
    const since = new Map(missing.map(({ id }) => [id, before?.get(id) ?? nowMs]));
    missingSince.set(signer, since);
    return missing.filter(({ id }) => nowMs - (since.get(id) ?? nowMs) >= foreignAfterMs);
  }
}

/** Those that are out and share their place with none that is not: of the bidders for a place, one of ours may have it. */
function ofWholePlaces(
  transactions: readonly SentTransaction[],
  isOut: readonly boolean[],
): readonly SentTransaction[] {
  const kept = new Set(
    transactions.filter((_, index) => isOut[index] !== true).map(({ accountNonce }) => accountNonce),
  );
  return transactions.filter(({ accountNonce }) => !kept.has(accountNonce));
}

function failuresOf(sent: SentTransaction): ReadonlyMap<string, Rejection> {
  return new Map(sent.legs.map(({ paymentId }) => [paymentId, placeTaken] as const));
}

const placeTaken: Rejection = {
  reason: 'unexpected_settle_error',
  detail: 'Another transaction took the place of ours on chain',
};
