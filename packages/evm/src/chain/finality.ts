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
  /**
   * The hashes of the chain's blocks by number. While the highest of them is the chain's, so are those below it: it is the first
   * of them that was read, so that a reorg in the middle of a look replaces it too, which the next look sees.
   */
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
  ): Promise<ReadonlyMap<bigint, string | undefined>> {
    const above = await readHighest(node, numbers);
    await forgetIfReplaced(node);
    const hashes = new Map<bigint, string | undefined>([...known, ...above]);
    // What becomes final is read anew: a node that changed its mind in the middle of an earlier look may have left a wrong hash
    // here, which may delay a reversal, and must not release anything.
    const wanted = [...numbers].filter((number) => !above.has(number) && (number <= finalized || !hashes.has(number)));
    for (let start = 0; start < wanted.length; start += parallelRequests) {
      await Promise.all(
        wanted
          .slice(start, start + parallelRequests)
          .map(async (number) => hashes.set(number, await hashOf(node, number))),
      );
    }
    known.clear();
    for (const [number, hash] of hashes) if (hash !== undefined && number > finalized) known.set(number, hash);
    return hashes;
  }

  /** Asks from above for what lies higher than all that is known, until the node has one. */
  async function readHighest(
    node: EvmNode,
    numbers: ReadonlySet<bigint>,
  ): Promise<ReadonlyMap<bigint, string | undefined>> {
    const highest = highestOf(known.keys());
    const read = new Map<bigint, string | undefined>();
    for (const number of [...numbers].filter((each) => each > highest).toSorted(descending)) {
      const hash = await hashOf(node, number);
      read.set(number, hash);
      if (hash !== undefined) break;
    }
    return read;
  }

  async function forgetIfReplaced(node: EvmNode): Promise<void> {
    const highest = highestOf(known.keys());
    if (known.size > 0 && (await hashOf(node, highest)) !== known.get(highest)) known.clear();
  }
}

const descending = (one: bigint, other: bigint) => (one > other ? -1 : 1);

/** -1 where there is none. */
function highestOf(numbers: Iterable<bigint>): bigint {
  return [...numbers].reduce((one, other) => (one > other ? one : other), -1n);
}

async function hashOf(node: EvmNode, number: bigint): Promise<string | undefined> {
  return (await node.block(number))?.hash;
}
