import { createHash } from 'node:crypto';
import { encodeBase58 } from './base58.js';
import type { SlotClock } from './slot-clock.js';

/**
 * Validators vote in every block of a cluster, so none is empty. The votes of this chain move nothing: they are the signatures
 * that blocks and statuses tell of.
 */
export interface Votes {
  /** The signature of a block's vote. */
  inSlot(slot: number): string;
  /** The slot of a vote that {@link inSlot} gave out. */
  slotOf(signature: string): number | undefined;
}

export function createVotes(clock: Pick<SlotClock, 'blockhash'>): Votes {
  const slots = new Map<string, number>();
  return {
    inSlot(slot) {
      const signature = encodeBase58(
        createHash('sha512')
          .update(`vote:${clock.blockhash(slot)}`)
          .digest(),
      );
      slots.set(signature, slot);
      return signature;
    },
    slotOf: (signature) => slots.get(signature),
  };
}
