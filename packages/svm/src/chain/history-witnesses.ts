import { isSlotSkipped } from '../rpc/rpc-error.js';
import type { Block, SolanaRpc } from '../rpc/solana-rpc.js';

/** Slots without a block come a few in a row, where a leader was away. */
const slotsTried = 16;

/** How often the way to a height is corrected by the slots that had no block. */
const correctionsMax = 12;

/** A block will do in place of another one that is so many blocks older. */
export const blocksNear = 16n;

/** So many of a block's transactions that some are no votes, which not every node keeps in its history. */
const witnessesPerBlock = 40;

/** Transactions of the block in a slot. Whoever finds one of them in this slot has the block; another fork may have it too. */
interface BlockWitnesses {
  readonly slot: bigint;
  readonly signatures: readonly string[];
}

/**
 * Transactions of some blocks, by block: whoever finds one of each has these blocks. What lies between two of them it has too, as
 * long as they are closer together than what a node misses that was away and began anew at a later block. Behind one address
 * there may be several nodes; what one of them says of its history proves nothing of an answer that another one gave. So a search
 * for what may be absent looks for the witnesses in the same question.
 */
export type Witnesses = readonly BlockWitnesses[];

interface KnownBlock {
  readonly slot: bigint;
  readonly height: bigint;
}

/**
 * Witnesses of blocks at these heights, or few more.
 * @param known a block above all of them
 * @param heights from the highest down
 * @returns undefined where the node does not have one of the blocks
 */
export async function findWitnessesAt(
  rpc: SolanaRpc,
  { known, heights }: { readonly known: KnownBlock; readonly heights: readonly bigint[] },
): Promise<Witnesses | undefined> {
  const witnesses: BlockWitnesses[] = [];
  let above = known;
  for (const height of heights) {
    const block = await findBlock(rpc, above, height);
    if (block === undefined) return undefined;
    witnesses.push(spread(block));
    above = block;
  }
  return witnesses;
}

/**
 * Witnesses of the block in a slot; where it has none, of the blocks before and after it.
 * @returns undefined where the node does not have them, or lacks one between them
 */
export async function findWitnessesAround(rpc: SolanaRpc, slot: bigint): Promise<Witnesses | undefined> {
  const before = await nextBlock(rpc, slot, -1n);
  if (before === undefined) return undefined;
  if (before.slot === slot) return [spread(before)];
  const after = await nextBlock(rpc, slot + 1n, 1n);
  if (after?.height !== before.height + 1n) return undefined;
  return [spread(before), spread(after)];
}

/** No slot has two blocks, so going back by as many slots as there are blocks too many never goes too far. */
async function findBlock(rpc: SolanaRpc, known: KnownBlock, height: bigint): Promise<FoundBlock | undefined> {
  let above = known;
  for (let corrections = 0; corrections < correctionsMax; corrections += 1) {
    const blocksTooMany = above.height - height - blocksNear;
    const block = await nextBlock(rpc, above.slot - (blocksTooMany > 0n ? blocksTooMany : 0n), -1n);
    if (block === undefined || block.height < height) return undefined;
    if (block.height <= height + blocksNear) return block;
    above = block;
  }
  return undefined;
}

type FoundBlock = Block & KnownBlock;

/** The first block from a slot on, back or forth. Undefined where there is none near, or the node does not have it. */
async function nextBlock(rpc: SolanaRpc, from: bigint, step: 1n | -1n): Promise<FoundBlock | undefined> {
  let slot = from;
  for (let tried = 0; tried < slotsTried && slot >= 0n; tried += 1) {
    const answer = await rpc.block(slot);
    if (!answer.refused) return answer.result === null ? undefined : { slot, ...answer.result };
    if (!isSlotSkipped(answer.code)) return undefined;
    slot += step;
  }
  return undefined;
}

/** Some of them, from all over the block. */
function spread({ slot, signatures }: FoundBlock): BlockWitnesses {
  const step = Math.ceil(signatures.length / witnessesPerBlock);
  return { slot, signatures: signatures.filter((_, index) => index % step === 0) };
}
