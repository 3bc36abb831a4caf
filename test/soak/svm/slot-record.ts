import type { SolanaChain } from '@tollkeeper/sandbox';
import { askNode } from './ask-node.js';

/** How often the chain is looked at. */
const everyMs = 20;

export type SlotRecord = Awaited<ReturnType<typeof recordSlots>>;

/** Notes when each slot came, so that what was concluded at some time can be held against the chain of that time. */
export async function recordSlots(chain: SolanaChain) {
  const { absoluteSlot, blockHeight } = await askNode<EpochInfo>(chain.url, 'getEpochInfo', []);
  const slotsWithoutBlock = absoluteSlot - blockHeight;
  const seen: { readonly atMs: number; readonly slot: number }[] = [];
  const look = () => {
    const slot = chain.slot();
    if (slot !== seen.at(-1)?.slot) seen.push({ atMs: Date.now(), slot });
  };
  look();
  const timer = setInterval(look, everyMs);
  return {
    heightOf: (slot: number) => slot - slotsWithoutBlock,
    /** The newest slot that a node can have known at that time: a slot is seen a moment late here. */
    slotAt: (atMs: number) => seen.find((each) => each.atMs >= atMs)?.slot ?? chain.slot(),
    stop: () => {
      clearInterval(timer);
    },
  };
}

interface EpochInfo {
  readonly absoluteSlot: number;
  readonly blockHeight: number;
}
