import type { Block, Network } from '@tollkeeper/protocol';
import { z } from 'zod';
import type { RpcClient } from './rpc-client.js';
import { isExecutionFailure, isUnknownBlockTag, RpcError } from './rpc-error.js';
import { type Ask, createAsk } from './ask.js';

/** A contract call as `eth_call` and `eth_estimateGas` take it. */
export interface ContractCall {
  readonly from?: string;
  readonly to: string;
  /** `0x` and the calldata in hex. */
  readonly data: string;
  readonly gas?: bigint;
}

/** Init code that `eth_call` runs without deploying anything. */
export interface CodeRun {
  readonly from: string;
  /** `0x` and the init code in hex. */
  readonly code: string;
  readonly gas: bigint;
}

export interface Log {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
}

export interface Receipt {
  readonly succeeded: boolean;
  readonly block: Block;
  /** In the order in which the transaction wrote them. */
  readonly logs: readonly Log[];
  /** Wei paid for the transaction, the data fee of a rollup included. */
  readonly feePaid: bigint;
}

export interface BlockHeader extends Block {
  readonly baseFeePerGas: bigint;
}

export interface LogFilter {
  readonly address: string;
  readonly topics: readonly string[];
  readonly fromBlock: bigint;
  readonly toBlock: bigint;
}

export type BlockTag = 'latest' | bigint;

const Quantity = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/)
  .transform((text) => BigInt(text));
const Hex = z.string().regex(/^0x([0-9a-fA-F]{2})*$/);
const Hash = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/)
  .transform((text) => text.toLowerCase());

const FoundLogs = z.array(z.object({ transactionHash: Hash }));

const Header = z.object({ number: Quantity, hash: Hash, baseFeePerGas: Quantity.optional() });

const MinedReceipt = z
  .object({
    status: Quantity,
    blockNumber: Quantity,
    blockHash: Hash,
    gasUsed: Quantity,
    effectiveGasPrice: Quantity,
    l1Fee: Quantity.nullish(),
    logs: z.array(z.object({ address: Hex, topics: z.array(Hash), data: Hex, logIndex: Quantity })),
  })
  .nullable();

/**
 * The methods of an EVM node that Tollkeeper uses, with their answers read. Each throws a Fault `CHAIN_RPC_UNAVAILABLE` when the
 * node does not answer usefully. A refusal that means something arrives as RpcError: from `call` and `estimateGas` when the call
 * ran and failed, from `runCode` and `sendRaw` always.
 */
export type EvmNode = ReturnType<typeof createEvmNode>;

export function createEvmNode(parts: { network: Network; rpc: RpcClient }) {
  const ask = createAsk(parts);
  return {
    chainId: (): Promise<bigint> => ask({ method: 'eth_chainId', schema: Quantity }),

    /** The header of a block; undefined when the node has no such block. */
    async block(tag: BlockTag): Promise<BlockHeader | undefined> {
      const header = await ask(
        { method: 'eth_getBlockByNumber', schema: Header.nullable() },
        blockParameter(tag),
        false,
      );
      return header === null ? undefined : { ...header, baseFeePerGas: header.baseFeePerGas ?? 0n };
    },

    /** The newest block that can never be undone; undefined when the node does not tell. */
    async finalizedBlock(): Promise<Block | undefined> {
      const question = {
        method: 'eth_getBlockByNumber',
        schema: Header.nullable(),
        refusalMeans: isUnknownBlockTag,
      } as const;
      const header = await ask(question, 'finalized', false).catch((error: unknown) => {
        if (error instanceof RpcError) return null;
        throw error;
      });
      return header ?? undefined;
    },

    blockNumber: (): Promise<bigint> => ask({ method: 'eth_blockNumber', schema: Quantity }),

    async hasCode(address: string): Promise<boolean> {
      return (await ask({ method: 'eth_getCode', schema: Hex }, address, 'latest')) !== '0x';
    },

    ...simulations(ask),

    priorityFee: (): Promise<bigint> => ask({ method: 'eth_maxPriorityFeePerGas', schema: Quantity }),

    /** How many transactions of an account are mined. */
    minedTransactions: (address: string): Promise<bigint> =>
      ask({ method: 'eth_getTransactionCount', schema: Quantity }, address, 'latest'),

    balance: (address: string): Promise<bigint> =>
      ask({ method: 'eth_getBalance', schema: Quantity }, address, 'latest'),

    sendRaw: (raw: Uint8Array): Promise<string> =>
      ask(
        { method: 'eth_sendRawTransaction', schema: Hash, refusalMeans: () => true },
        `0x${Buffer.from(raw).toString('hex')}`,
      ),

    /** The transactions that wrote logs of one contract with these topics, oldest first. */
    async logs(filter: LogFilter): Promise<readonly { readonly transaction: string }[]> {
      const { address, topics, fromBlock, toBlock } = filter;
      const found = await ask(
        { method: 'eth_getLogs', schema: FoundLogs },
        { address, topics, fromBlock: quantity(fromBlock), toBlock: quantity(toBlock) },
      );
      return found.map(({ transactionHash }) => ({ transaction: transactionHash }));
    },

    /** Whether the node has the transaction, mined or waiting. */
    async knowsTransaction(id: string): Promise<boolean> {
      return (
        (await ask({ method: 'eth_getTransactionByHash', schema: z.object({ hash: Hash }).nullable() }, id)) !== null
      );
    },

    /** The receipt of a mined transaction; undefined while no block holds it. */
    async receipt(id: string): Promise<Receipt | undefined> {
      const receipt = await ask({ method: 'eth_getTransactionReceipt', schema: MinedReceipt }, id);
      if (receipt === null) return undefined;
      return {
        succeeded: receipt.status === 1n,
        block: { number: receipt.blockNumber, hash: receipt.blockHash },
        logs: receipt.logs.toSorted((one, other) => (one.logIndex < other.logIndex ? -1 : 1)),
        feePaid: receipt.gasUsed * receipt.effectiveGasPrice + (receipt.l1Fee ?? 0n),
      };
    },
  };
}

/** The methods that run something on the chain's state without changing it. */
function simulations(ask: Ask) {
  return {
    /** What the call returns, in hex. */
    call: (call: ContractCall, tag: BlockTag = 'latest'): Promise<string> =>
      ask(
        { method: 'eth_call', schema: Hex, refusalMeans: isExecutionFailure },
        callParameter(call),
        blockParameter(tag),
      ),

    /** What the init code returns, in hex. */
    runCode: ({ from, code, gas }: CodeRun, tag: BlockTag = 'latest'): Promise<string> =>
      ask(
        { method: 'eth_call', schema: Hex, refusalMeans: () => true },
        { from, data: code, gas: quantity(gas) },
        blockParameter(tag),
      ),

    estimateGas: (call: ContractCall): Promise<bigint> =>
      ask({ method: 'eth_estimateGas', schema: Quantity, refusalMeans: isExecutionFailure }, callParameter(call)),
  };
}

function blockParameter(tag: BlockTag): string {
  return tag === 'latest' ? tag : quantity(tag);
}

function callParameter(call: ContractCall): Record<string, string> {
  return {
    to: call.to,
    data: call.data,
    ...(call.from === undefined ? {} : { from: call.from }),
    ...(call.gas === undefined ? {} : { gas: quantity(call.gas) }),
  };
}

function quantity(value: bigint): string {
  return `0x${value.toString(16)}`;
}
