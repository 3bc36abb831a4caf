import { Fault, type Network } from '@tollkeeper/protocol';
import type { EvmNode } from '../rpc/evm-node.js';

/** What a transaction offers per gas (EIP-1559), in wei. */
export interface FeeQuote {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export type FeeQuoting = () => Promise<FeeQuote | undefined>;

/**
 * Gives what a transaction must offer now: twice the base fee, so that six full blocks cannot outrun it, and the usual tip.
 * Undefined when the network asks for more than the limit. Callers at the same time share one look at the chain.
 */
export function createFeeQuoting(parts: { network: Network; node: EvmNode; maxFeePerGasWei: bigint }): FeeQuoting {
  let underWay: Promise<FeeQuote | undefined> | undefined;
  return () => {
    underWay ??= quote(parts).finally(() => (underWay = undefined));
    return underWay;
  };
}

async function quote(parts: {
  network: Network;
  node: EvmNode;
  maxFeePerGasWei: bigint;
}): Promise<FeeQuote | undefined> {
  const [latest, usualTip] = await Promise.all([parts.node.block('latest'), parts.node.priorityFee()]);
  if (latest === undefined) {
    throw new Fault('CHAIN_RPC_UNAVAILABLE', { network: parts.network, trouble: 'no latest block' });
  }
  const limit = parts.maxFeePerGasWei;
  if (latest.baseFeePerGas + 1n > limit) return undefined;
  const wanted = 2n * latest.baseFeePerGas + usualTip;
  const maxFeePerGas = wanted < limit ? wanted : limit;
  return { maxFeePerGas, maxPriorityFeePerGas: usualTip < maxFeePerGas ? usualTip : maxFeePerGas };
}
