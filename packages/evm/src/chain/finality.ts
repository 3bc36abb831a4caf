import type { Chain, Finality, Inclusion } from '@tollkeeper/protocol';
import type { EvmNode } from '../rpc/evm-node.js';

/** Requests to one node at a time. */
const parallelRequests = 16;

/**
 * Tells whether blocks are still the chain's own, and whether they can be undone. What one look has learnt is kept for the
 * next, so that a look costs one request for the finalized block, one for the newest block known, and one for each block that
 * is new or has become final, however many wait in between.
 */
export function createFinality(parts: { readonly node: EvmNode; readonly finalityDepth: number }): Chain['finality'] {
  /** The hashes of the chain's blocks by number. While the highest of them is the chain's, so are those below it. */
  const known = new Map<bigint, string>();

  return async (inclusions) =>
    inclusions.length === 0 ? [] : parts.node.onOneEndpoint((node) => look(node, inclusions));

  async function look(node: EvmNode, inclusions: readonly Inclusion[]): Promise<readonly Finality[]> {
    const finalized = await finalizedNumber(node);
    const hashes = await readHashes(node, new Set(inclusions.map(({ block }) => block.number)), finalized);
    return inclusions.map(({ block }): Finality => {
      const hash = hashes.get(block.number);
      if (hash === undefined) return 'unknown';
      if (hash !== block.hash) return 'gone';
      return block.number <= finalized ? 'final' : 'confirmed';
    });
  }

  async function finalizedNumber(node: EvmNode): Promise<bigint> {
    const finalized = await node.finalizedBlock();
    return finalized?.number ?? (await node.blockNumber()) - BigInt(parts.finalityDepth);
  }

  async function readHashes(
    node: EvmNode,
    numbers: ReadonlySet<bigint>,
    finalized: bigint,
  ): Promise<ReadonlyMap<bigint, string>> {
    await forgetIfReplaced(node);
    // What becomes final is read anew: a reorg in the middle of an earlier look may have left a wrong hash here, which may
    // delay a reversal, and must not release anything.
    const wanted = [...numbers].filter((number) => number <= finalized || !known.has(number));
    const hashes = new Map(known);
    for (let start = 0; start < wanted.length; start += parallelRequests) {
      await Promise.all(
        wanted.slice(start, start + parallelRequests).map(async (number) => {
          const hash = (await node.block(number))?.hash;
          if (hash === undefined) hashes.delete(number);
          else hashes.set(number, hash);
        }),
      );
    }
    known.clear();
    for (const [number, hash] of hashes) if (number > finalized) known.set(number, hash);
    return hashes;
  }

  async function forgetIfReplaced(node: EvmNode): Promise<void> {
    const highest = [...known.keys()].reduce((one, other) => (one > other ? one : other), 0n);
    if (known.size > 0 && (await node.block(highest))?.hash !== known.get(highest)) known.clear();
  }
}
