import type { Block, Network } from '@tollkeeper/protocol';
import { z } from 'zod';
import type { RpcClient } from './rpc-client.js';
import { type Ask, createAsk } from './ask.js';
import { evidenceMethods } from './evidence-methods.js';
import { isExecutionFailure, isUnknownBlockTag, RpcError } from './rpc-error.js';
import { Hash, Hex, Quantity } from './rpc-values.js';

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

export interface BlockHeader extends Block {
  readonly baseFeePerGas: bigint;
  /** Seconds since 1970, as the block says; zero where it does not. */
  readonly timestamp: bigint;
  /** The gas that the block holds at most; zero where it does not say. */
  readonly gasLimit: bigint;
}

export type BlockTag = 'latest' | bigint;

const Header = z
  .object({
    number: Quantity,
    hash: Hash,
    baseFeePerGas: Quantity.default(0n),
    timestamp: Quantity.default(0n),
    gasLimit: Quantity.default(0n),
  })
  .nullable();

/**
 * The methods of an EVM node that Tollkeeper uses, with their answers read. Each throws a Fault `CHAIN_RPC_UNAVAILABLE` when the
 * node does not answer usefully. A refusal that means something arrives as RpcError: from `call` and `estimateGas` when the call
 * ran and failed, from `runCode`, `sendRaw` and `logs` always.
 */
export interface EvmNode extends NodeMethods {
  /**
   * Does work whose answers are put together, on one endpoint, because two may have seen different blocks; and anew on the next
   * one when that does not answer. It may only read.
   */
  onOneEndpoint<Result>(work: (node: EvmNode) => Promise<Result>): Promise<Result>;
}

type NodeMethods = ReturnType<typeof methodsOf>;

export function createEvmNode(parts: { network: Network; rpc: RpcClient }): EvmNode {
  const { network } = parts;
  return {
    ...methodsOf(createAsk(parts)),
    onOneEndpoint: (work) => parts.rpc.onOneEndpoint((rpc) => work(createEvmNode({ network, rpc }))),
  };
}

function methodsOf(ask: Ask) {
  return {
    chainId: (): Promise<bigint> => ask({ method: 'eth_chainId', schema: Quantity }),

    /** The header of a block; undefined when the node has no such block. */
    async block(tag: BlockTag): Promise<BlockHeader | undefined> {
      const header = await ask({ method: 'eth_getBlockByNumber', schema: Header }, blockParameter(tag), false);
      return header ?? undefined;
    },

    /** The newest block that can never be undone; undefined when the node does not tell. */
    async finalizedBlock(): Promise<BlockHeader | undefined> {
      const question = {
        method: 'eth_getBlockByNumber',
        schema: Header,
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

    ...evidenceMethods(ask),

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

    /** Whether the node has the transaction, mined or waiting. */
    async knowsTransaction(id: string): Promise<boolean> {
      return (
        (await ask({ method: 'eth_getTransactionByHash', schema: z.object({ hash: Hash }).nullable() }, id)) !== null
      );
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
