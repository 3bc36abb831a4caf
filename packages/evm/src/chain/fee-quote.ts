import { type Clock, Fault, type Network } from '@tollkeeper/protocol';
import type { BlockGas } from '../gas/block-gas.js';
import type { EvmNode } from '../rpc/evm-node.js';

/** What a transaction offers per gas (EIP-1559), in wei. */
export interface FeeQuote {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export type FeeQuoting = () => Promise<FeeQuote | undefined>;

interface Parts {
  readonly network: Network;
  readonly node: EvmNode;
  readonly clock: Clock;
  readonly maxFeePerGasWei: bigint;
  readonly blockGas: BlockGas;
}

/** A quote is as good as new for half a block of the chains that matter; the doubled base fee covers several. */
const quoteTtlMs = 1000;

/**
 * Gives what a transaction must offer now: twice the base fee, so that six full blocks cannot outrun it, and the usual tip.
 * Undefined when the network asks for more than the limit. All callers of about a block share one look at the chain, which tells
 * what a block holds too.
 */
export function createFeeQuoting(parts: Parts): FeeQuoting {
  let latest: { readonly quote: Promise<FeeQuote | undefined>; readonly untilMs: number } | undefined;
  return () => {
    const nowMs = parts.clock.now().getTime();
    if (latest !== undefined && nowMs < latest.untilMs) return latest.quote;
    const looking = { quote: quote(parts), untilMs: nowMs + quoteTtlMs };
    latest = looking;
    looking.quote.catch(() => {
      // The next caller looks again.
      if (latest === looking) latest = undefined;
    });
    return looking.quote;
  };
}

async function quote(parts: Parts): Promise<FeeQuote | undefined> {
  const [latest, usualTip] = await Promise.all([parts.node.block('latest'), parts.node.priorityFee()]);
  if (latest === undefined) {
    throw new Fault('CHAIN_RPC_UNAVAILABLE', { network: parts.network, trouble: 'no latest block' });
  }
  parts.blockGas.note(latest.gasLimit);
  const limit = parts.maxFeePerGasWei;
  if (latest.baseFeePerGas + 1n > limit) return undefined;
  const wanted = 2n * latest.baseFeePerGas + usualTip;
  const maxFeePerGas = wanted < limit ? wanted : limit;
  return { maxFeePerGas, maxPriorityFeePerGas: usualTip < maxFeePerGas ? usualTip : maxFeePerGas };
}
