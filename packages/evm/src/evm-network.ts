import {
  type Chain,
  type Clock,
  type FaultFacts,
  type Network,
  networkFamily,
  type RpcObserver,
  type SchemeHandler,
} from '@tollkeeper/protocol';
import { parseEvmAddress } from './address.js';
import { createEvmChain } from './chain/evm-chain.js';
import { createFeeQuoting } from './chain/fee-quote.js';
import { createTransactionSigner } from './chain/transaction-signer.js';
import { chooseCurve } from './curve/choose-curve.js';
import { defaultEvmLimits, type EvmLimits } from './evm-limits.js';
import { createCodeLookup } from './exact/code-lookup.js';
import { createExactScheme } from './exact/exact-scheme.js';
import { createEvmNode } from './rpc/evm-node.js';
import { createRpcClient } from './rpc/rpc-client.js';
import { createTransferSimulation } from './simulation/transfer-simulation.js';

export interface EvmNetworkParts {
  readonly network: Network;
  readonly rpcUrl: string;
  /** Private keys in hex, at least one. The first one signs; the others are only known as ours. */
  readonly signerKeys: readonly string[];
  /** Addresses of the tokens that may be settled, in any accepted spelling. */
  readonly assets: readonly string[];
  readonly clock: Clock;
  readonly onRpcCall: RpcObserver;
  readonly onWarning: (message: string, facts?: FaultFacts) => void;
  readonly limits?: Partial<EvmLimits>;
}

/** One EVM network: the chain, and the schemes that settle on it. */
export interface EvmNetwork {
  readonly chain: Chain;
  readonly schemes: readonly SchemeHandler[];
}

/**
 * Builds the parts of one EVM network. Talks to no node yet.
 * @throws RangeError when a part is unusable; the message never repeats a key or the RPC address.
 */
export function createEvmNetwork(parts: EvmNetworkParts): EvmNetwork {
  const { network, clock } = parts;
  if (networkFamily(network) !== 'eip155') throw new RangeError(`${network} is not an EVM network`);
  const limits = readLimits(parts.limits);
  const rpc = createRpcClient({
    network,
    url: parts.rpcUrl,
    timeoutMs: limits.rpcTimeoutMs,
    onRpcCall: parts.onRpcCall,
  });
  const node = createEvmNode({ network, rpc });
  const curve = chooseCurve({ onWarning: (message) => parts.onWarning(message, { network }) });
  const accounts = parts.signerKeys.map((key) => createTransactionSigner(key, curve));
  const [signer] = accounts;
  if (signer === undefined) throw new RangeError(`${network} needs at least one signer key`);
  const signers = accounts.map((account) => account.address);

  const { confirmations, finalityDepth } = limits;
  const chain = createEvmChain({ network, node, signers, confirmations, finalityDepth });
  const exact = createExactScheme({
    network,
    node,
    clock,
    curve,
    signer,
    signers,
    code: createCodeLookup({ node, clock }),
    simulate: createTransferSimulation({
      network,
      node,
      clock,
      from: signer.address,
      gasLimitMax: limits.gasLimitMax,
      onWarning: parts.onWarning,
    }),
    quoteFee: createFeeQuoting({ network, node, clock, maxFeePerGasWei: limits.maxFeePerGasWei }),
    assets: parts.assets.map((asset) => readAsset(network, asset)),
    gasLimitMax: limits.gasLimitMax,
  });
  return { chain, schemes: [exact] };
}

function readLimits(given: Partial<EvmLimits> = {}): EvmLimits {
  const limits = { ...defaultEvmLimits, ...given };
  if (!Number.isInteger(limits.confirmations) || limits.confirmations < 1) {
    throw new RangeError('confirmations must be a whole number of at least 1');
  }
  if (!Number.isInteger(limits.finalityDepth) || limits.finalityDepth < 0) {
    throw new RangeError('finalityDepth must be a whole number of at least 0');
  }
  return limits;
}

function readAsset(network: Network, text: string): string {
  const asset = parseEvmAddress(text);
  if (asset === undefined) throw new RangeError(`"${text}" is not the address of a token on ${network}`);
  return asset;
}
