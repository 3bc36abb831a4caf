import { createHash } from 'node:crypto';
import { encodeBase58 } from './base58.js';

export type Commitment = 'processed' | 'confirmed' | 'finalized';

/** How many slots a commitment is behind the newest one. */
export interface CommitmentLag {
  readonly confirmed: number;
  readonly finalized: number;
}

/** A blockhash may be used while at most this many newer blocks exist (`MAX_PROCESSING_AGE` of the runtime). */
export const blockhashLifetime = 150;

export const slotsPerEpoch = 432_000;

/** The oldest block. Devnet's numbers are this large, and far from their heights, which shows code that mixes the two. */
export const genesisSlot = 447_552_000;

/** Where a new chain stands, so that blocks of before its first transaction can be asked for. */
export const newChainSlot = genesisSlot + 1_024;

/** Slots and block heights differ on a real cluster, because some slots have no block. */
const slotsWithoutBlock = 11_000_000;

/** Counts slots, and derives from them what the chain knows about its blocks. Every slot here has a block. */
export interface SlotClock {
  /** The newest slot, or the newest one of a commitment. */
  slot(commitment?: Commitment): number;
  commitmentOf(slot: number): Commitment;
  blockHeight(slot: number): number;
  blockhash(slot: number): string;
  /** The slot of a blockhash that transactions may still use. */
  slotOfLiveBlockhash(blockhash: string): number | undefined;
  advance(slots: number): void;
}

/**
 * Makes a clock that stands at `slot`. Blockhashes follow from the seed and the slot alone, so a restarted chain knows the
 * hashes it gave out before.
 */
export function createSlotClock(parts: { seed: string; slot: number; lag: CommitmentLag }): SlotClock {
  const { seed, lag } = parts;
  let current = parts.slot;
  const live = new Map<string, number>();
  const bySlot = new Map<number, string>();
  const derive = (slot: number): string =>
    encodeBase58(
      createHash('sha256')
        .update(`${seed}:${String(slot)}`)
        .digest(),
    );
  const fill = (from: number): void => {
    for (let slot = from; slot <= current; slot += 1) {
      const hash = derive(slot);
      live.set(hash, slot);
      bySlot.set(slot, hash);
    }
    for (const [hash, slot] of live) {
      // Insertion order is slot order, so the first live hash ends the sweep.
      if (slot >= current - blockhashLifetime) break;
      live.delete(hash);
      bySlot.delete(slot);
    }
  };
  fill(current - blockhashLifetime);
  const slotAt = (commitment: Commitment = 'processed'): number =>
    commitment === 'processed' ? current : current - lag[commitment];
  return {
    slot: slotAt,
    commitmentOf(slot) {
      if (slot <= slotAt('finalized')) return 'finalized';
      return slot <= slotAt('confirmed') ? 'confirmed' : 'processed';
    },
    blockHeight: (slot) => slot - slotsWithoutBlock,
    blockhash: (slot) => bySlot.get(slot) ?? derive(slot),
    slotOfLiveBlockhash: (blockhash) => live.get(blockhash),
    advance(slots) {
      const from = Math.max(current + 1, current + slots - blockhashLifetime);
      current += slots;
      fill(from);
    },
  };
}
