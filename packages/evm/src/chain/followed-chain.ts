import type { Block } from '@tollkeeper/protocol';
import type { BlockContents } from '../rpc/evidence-methods.js';

/** The newest blocks of a chain, each of which names the one before it. */
export interface FollowedChain {
  /** The newest block; undefined before the first look. */
  head(): Block | undefined;
  /**
   * Reads the newest block, and those between it and the ones known, as many as `maximumGap`. Blocks that it replaces are
   * forgotten.
   */
  advance(node: BlockReader, maximumGap: number): Promise<Advance>;
  /** Whether the chain has this block; undefined where it is older than what is known. */
  has(block: Block): boolean | undefined;
  /** Whether this block comes after the newest one that was read. */
  isAhead(block: Block): boolean;
}

export interface BlockReader {
  blockContents(tag: 'latest' | bigint): Promise<BlockContents | undefined>;
}

export interface Advance {
  /** The blocks that were read, oldest first. */
  readonly blocks: readonly BlockContents[];
  /** Whether nothing lies between them and what was known before. */
  readonly isSeamless: boolean;
}

/** Blocks are forgotten when so many stand on them. */
const rememberedBlocks = 128n;

export function createFollowedChain(): FollowedChain {
  /** Hashes by number, without holes. */
  const hashes = new Map<bigint, string>();
  let head: Block | undefined;

  function extend(blocks: readonly BlockContents[], isSeamless: boolean): Advance {
    const [oldest] = blocks;
    const newest = blocks.at(-1);
    if (oldest === undefined || newest === undefined) return { blocks, isSeamless };
    if (!isSeamless) hashes.clear();
    for (const { number, hash } of blocks) hashes.set(number, hash);
    for (const number of hashes.keys()) {
      if (number > newest.number || number <= newest.number - rememberedBlocks) hashes.delete(number);
    }
    head = newest;
    return { blocks, isSeamless };
  }

  const isAhead = ({ number }: Block) => number > (head?.number ?? -1n);

  return {
    head: () => head,
    isAhead,
    has(block) {
      const known = hashes.get(block.number);
      if (known !== undefined) return known === block.hash;
      return isAhead(block) ? false : undefined;
    },
    async advance(node, maximumGap) {
      const newest = await node.blockContents('latest');
      if (newest === undefined) return { blocks: [], isSeamless: false };
      if (hashes.get(newest.number) === newest.hash) {
        // The same block, or an older one of ours: a node that is behind, or a chain that lost its newest blocks.
        for (const number of hashes.keys()) if (number > newest.number) hashes.delete(number);
        head = newest;
        return { blocks: [], isSeamless: true };
      }
      const blocks = [newest];
      if (head === undefined || newest.number - head.number > BigInt(maximumGap)) return extend(blocks, false);
      for (let oldest = newest; hashes.get(oldest.number - 1n) !== oldest.parentHash;) {
        const isEnd = blocks.length > maximumGap || oldest.number === 0n;
        const parent = isEnd ? undefined : await node.blockContents(oldest.number - 1n);
        if (parent?.hash !== oldest.parentHash) return extend([newest], false);
        blocks.unshift(parent);
        oldest = parent;
      }
      return extend(blocks, true);
    },
  };
}
