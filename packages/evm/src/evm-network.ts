import {
  type Chain,
  type Clock,
  type EndpointStatus,
  type FaultFacts,
  type Network,
  networkFamily,
  poolLimitsOf,
  type RpcObserver,
  type SchemeHandler,
} from '@tollkeeper/protocol';
import { parseEvmAddress } from './address.js';
import { createEvmChain } from './chain/evm-chain.js';
import { createFeeQuoting } from './chain/fee-quote.js';
import { createSharedTransactions } from './chain/shared-transactions.js';
import { createAbsentSigner, createTransactionSigner } from './chain/transaction-signer.js';
import { createTurns } from './chain/turns.js';
import { chooseCurve } from './curve/choose-curve.js';
import { createSignerRecovery } from './curve/signer-recovery.js';
import { defaultEvmLimits, type EvmLimits } from './evm-limits.js';
import { createCodeLookup } from './exact/code-lookup.js';
import { createExactScheme } from './exact/exact-scheme.js';
import { createTokenStates } from './exact/token-state.js';
import { createBlockGas } from './gas/block-gas.js';
import { createGasModel } from './gas/gas-model.js';
import { createEvmNode } from './rpc/evm-node.js';
import { createRpcPool } from './rpc/rpc-pool.js';
import { createTransferSimulation } from './simulation/transfer-simulation.js';

export interface EvmNetworkParts {
  readonly network: Network;
  /** Endpoints that stand in for each other; the first is used as long as it answers. */
  readonly rpcUrls: readonly string[];
  /** Private keys in hex. Whoever plans a transaction says which of them signs it. */
  readonly signerKeys: readonly string[];
  /** Our accounts whose keys other processes have. With the keys, there must be at least one account. */
  readonly signerAddresses?: readonly string[];
  /** Addresses of the tokens that may be settled, in any accepted spelling. */
  readonly assets: readonly string[];
  readonly clock: Clock;
  readonly onRpcCall: RpcObserver;
  readonly onWarning: (message: string, facts?: FaultFacts) => void;
  readonly limits?: Partial<EvmLimits>;
}

/** Payments that are simulated outside of company at one time; more would leave the node no room for what settles. */
const judgedAloneAtOnce = 32;

/** One EVM network: the chain, and the schemes that settle on it. */
export interface EvmNetwork {
  readonly chain: Chain;
  readonly schemes: readonly SchemeHandler[];
  /** How each RPC endpoint does. */
  readonly endpoints: () => readonly EndpointStatus[];
  /** From now on only nodes of the chain with this first block are used; throws `CHAIN_CHANGED` where one showed another. */
  readonly bindTo: (identity: string) => void;
  /** Ends what runs beside the requests. */
  close(): Promise<void>;
}

/**
 * Builds the parts of one EVM network. Talks to no node yet.
 * @throws RangeError when a part is unusable; the message never repeats a key or the RPC address.
 */
export function createEvmNetwork(parts: EvmNetworkParts): EvmNetwork {
  const { network, clock } = parts;
  if (networkFamily(network) !== 'eip155') throw new RangeError(`${network} is not an EVM network`);
  const limits = readLimits(parts.limits);
  const pool = createRpcPool({
    network,
    urls: parts.rpcUrls,
    limits: poolLimitsOf(limits),
    onRpcCall: parts.onRpcCall,
    onWarning: parts.onWarning,
  });
  const node = createEvmNode({ network, rpc: pool.rpc });
  const warn = (message: string) => parts.onWarning(message, { network });
  const curve = chooseCurve({ onWarning: warn });
  const signerRecovery = createSignerRecovery({ curve, onWarning: warn });
  const absent = (parts.signerAddresses ?? []).map((text) => readAddress(network, text, 'a signer'));
  const accounts = [
    ...parts.signerKeys.map((key) => createTransactionSigner(key, curve)),
    ...absent.map((address) => createAbsentSigner(address)),
  ];
  const [first] = accounts;
  if (first === undefined) throw new RangeError(`${network} needs at least one signer key`);
  const signers = new Map(accounts.map((account) => [account.address, account]));

  const { confirmations, finalityDepth, gasLimitMax, maxFeePerGasWei } = limits;
  const { onWarning } = parts;
  const blockGas = createBlockGas();
  const shared = createSharedTransactions({ node, clock, blockGas });
  const quoteFee = createFeeQuoting({ network, node, clock, maxFeePerGasWei, blockGas });
  const chain = createEvmChain({
    network,
    node,
    clock,
    signers,
    shared,
    quoteFee,
    blockGas,
    maxFeePerGasWei,
    confirmations,
    finalityDepth,
    onWarning,
  });
  const exact = createExactScheme({
    network,
    node,
    clock,
    signerRecovery,
    signers,
    sender: first.address,
    shared,
    code: createCodeLookup({ node, clock }),
    readTokenState: createTokenStates({ node }),
    inTurn: createTurns(judgedAloneAtOnce),
    simulate: createTransferSimulation({ network, node, clock, from: first.address, gasLimitMax, onWarning }),
    quoteFee,
    blockGas,
    gasModel: createGasModel({ network, node, clock, onWarning }),
    assets: parts.assets.map((asset) => readAddress(network, asset, 'a token')),
    gasLimitMax,
  });
  return {
    chain,
    schemes: [exact],
    endpoints: pool.statuses,
    bindTo: pool.bindTo,
    close: () => signerRecovery.close(),
  };
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

function readAddress(network: Network, text: string, what: 'a token' | 'a signer'): string {
  const address = parseEvmAddress(text);
  if (address === undefined) throw new RangeError(`"${text}" is not the address of ${what} on ${network}`);
  return address;
}
