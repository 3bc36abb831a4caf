import type { Block } from '@tollkeeper/protocol';
import { z } from 'zod';
import type { Ask } from './ask.js';
import { Hash, Hex, Quantity } from './rpc-values.js';
import { RpcError } from './rpc-error.js';

export interface Log {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
}

/** A log with the transaction that wrote it. */
export interface FoundLog extends Log {
  readonly transaction: string;
}

export interface Receipt {
  readonly succeeded: boolean;
  readonly block: Block;
  /** In the order in which the transaction wrote them. */
  readonly logs: readonly Log[];
  /** Wei paid for the transaction, the data fee of a rollup included. */
  readonly feePaid: bigint;
}

/** A block with the hashes of its transactions. */
export interface BlockContents extends Block {
  readonly parentHash: string;
  readonly transactions: readonly string[];
}

export interface LogFilter {
  readonly address: string;
  /** One topic for each place, or several of which one must stand there. */
  readonly topics: readonly (string | readonly string[])[];
  readonly fromBlock: bigint;
  readonly toBlock: bigint;
}

const WrittenLog = z.object({ address: Hex, topics: z.array(Hash), data: Hex });

const FoundLogs = z.array(WrittenLog.extend({ transactionHash: Hash }));

const Contents = z.object({ number: Quantity, hash: Hash, parentHash: Hash, transactions: z.array(Hash) });

const MinedReceipt = z.object({
  status: Quantity,
  blockNumber: Quantity,
  blockHash: Hash,
  gasUsed: Quantity,
  effectiveGasPrice: Quantity,
  l1Fee: Quantity.nullish(),
  logs: z.array(WrittenLog.extend({ logIndex: Quantity })),
});

/** Whose receipt it is; the rest is read only where it is one of ours. */
const SomeReceipt = z.looseObject({ transactionHash: Hash });

/** The methods that tell what became of transactions. */
export function evidenceMethods(ask: Ask) {
  return {
    /** A block with the hashes of its transactions; undefined when the node has no such block. */
    async blockContents(tag: 'latest' | bigint): Promise<BlockContents | undefined> {
      const parameter = tag === 'latest' ? tag : quantity(tag);
      const block = await ask({ method: 'eth_getBlockByNumber', schema: Contents.nullable() }, parameter, false);
      return block ?? undefined;
    },

    /** The receipt of a mined transaction; undefined while no block holds it. */
    async receipt(id: string): Promise<Receipt | undefined> {
      const receipt = await ask({ method: 'eth_getTransactionReceipt', schema: MinedReceipt.nullable() }, id);
      return receipt === null ? undefined : readReceipt(receipt);
    },

    /** The receipts of some transactions of one block; undefined when the node does not give them together. */
    async receiptsOfBlock(number: bigint, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, Receipt> | undefined> {
      const question = {
        method: 'eth_getBlockReceipts',
        schema: z.array(SomeReceipt).nullable(),
        refusalMeans: () => true,
      };
      const all = await ask(question, quantity(number)).catch((error: unknown) => {
        if (error instanceof RpcError) return null;
        throw error;
      });
      if (all === null) return undefined;
      const found = new Map<string, Receipt>();
      for (const one of all) {
        const receipt = ids.has(one.transactionHash) ? MinedReceipt.safeParse(one) : undefined;
        if (receipt?.success === true) found.set(one.transactionHash, readReceipt(receipt.data));
      }
      return found;
    },

    /**
     * The logs of one contract with these topics, oldest first.
     * @throws RpcError when the node refuses, which it does when the blocks are too many for it.
     */
    async logs({ address, topics, fromBlock, toBlock }: LogFilter): Promise<readonly FoundLog[]> {
      const question = { method: 'eth_getLogs', schema: FoundLogs, refusalMeans: () => true };
      const range = { fromBlock: quantity(fromBlock), toBlock: quantity(toBlock) };
      const found = await ask(question, { address, topics, ...range });
      return found.map(({ transactionHash, ...log }) => ({ ...log, transaction: transactionHash }));
    },
  };
}

function readReceipt(receipt: z.output<typeof MinedReceipt>): Receipt {
  return {
    succeeded: receipt.status === 1n,
    block: { number: receipt.blockNumber, hash: receipt.blockHash },
    logs: receipt.logs.toSorted((one, other) => (one.logIndex < other.logIndex ? -1 : 1)),
    feePaid: receipt.gasUsed * receipt.effectiveGasPrice + (receipt.l1Fee ?? 0n),
  };
}

function quantity(value: bigint): string {
  return `0x${value.toString(16)}`;
}
