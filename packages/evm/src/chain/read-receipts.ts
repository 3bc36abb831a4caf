import type { EvmNode } from '../rpc/evm-node.js';
import type { Receipt } from '../rpc/evidence-methods.js';

/** A transaction whose receipt is wanted, with the block that is known to hold it. */
export interface WantedReceipt {
  readonly id: string;
  readonly blockNumber: bigint | undefined;
}

export type ReceiptReading = (node: EvmNode, wanted: readonly WantedReceipt[]) => Promise<ReadonlyMap<string, Receipt>>;

/** Requests to one node at a time: enough to hide the way there, few enough not to be throttled. */
const parallelRequests = 16;

/** From so many transactions in one block on, all the receipts of the block cost less than one request for each of them. */
const manyInOneBlock = 8;

/** Reads receipts by transaction, those of a full block together where the node can do that. */
export function createReceiptReading(): ReceiptReading {
  let givesWholeBlocks = true;

  async function readBlock(node: EvmNode, number: bigint, ids: ReadonlySet<string>) {
    if (!givesWholeBlocks) return undefined;
    try {
      const receipts = await node.receiptsOfBlock(number, ids);
      givesWholeBlocks = receipts !== undefined;
      return receipts;
    } catch {
      // The answer may have been too large; if the node is away, the requests that follow say so.
      return undefined;
    }
  }

  return async (node, wanted) => {
    const receipts = new Map<string, Receipt>();
    for (const [number, ids] of groupByBlock(wanted)) {
      if (ids.size < manyInOneBlock) continue;
      for (const [id, receipt] of (await readBlock(node, number, ids)) ?? []) receipts.set(id, receipt);
    }
    const rest = wanted.filter(({ id }) => !receipts.has(id));
    for (let start = 0; start < rest.length; start += parallelRequests) {
      await Promise.all(
        rest.slice(start, start + parallelRequests).map(async ({ id }) => {
          const receipt = await node.receipt(id);
          if (receipt !== undefined) receipts.set(id, receipt);
        }),
      );
    }
    return receipts;
  };
}

function groupByBlock(wanted: readonly WantedReceipt[]): ReadonlyMap<bigint, ReadonlySet<string>> {
  const groups = new Map<bigint, Set<string>>();
  for (const { id, blockNumber } of wanted) {
    if (blockNumber === undefined) continue;
    const group = groups.get(blockNumber) ?? new Set();
    groups.set(blockNumber, group.add(id));
  }
  return groups;
}
