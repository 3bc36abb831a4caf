import {
  networkFamily,
  poolLimitsOf,
  type Chain,
  type Clock,
  type EndpointStatus,
  type FaultFacts,
  type Network,
  type RpcObserver,
  type SchemeHandler,
} from '@tollkeeper/protocol';
import { parseSvmAddress } from './address/svm-address.js';
import { createSvmChain } from './chain/svm-chain.js';
import { createExactScheme } from './exact/exact-scheme.js';
import { createRecentBank } from './exact/recent-bank.js';
import { readSvmLimits, type SvmLimits } from './limits.js';
import { createJsonRpcPool } from './rpc/json-rpc-pool.js';
import { createSolanaRpc } from './rpc/solana-rpc.js';
import { absentSvmSigner, readSvmSigner } from './signing/secret-key.js';
import { createMintRegistry } from './token/mint-registry.js';

/** Everything that one Solana cluster needs to be settled on. */
export interface SvmNetworkParts {
  readonly network: Network;
  /** Nodes that stand in for each other; the first is used as long as it answers. */
  readonly rpcUrls: readonly string[];
  /** The fee payer's secret key, base58 of 64 bytes. It is read once and never shown. */
  readonly feePayerKey?: string;
  /** In place of the key, where other processes sign. */
  readonly feePayerAddress?: string;
  /** The mints that are settled; every other token is refused. */
  readonly assets: readonly string[];
  readonly clock: Clock;
  readonly onRpcCall: RpcObserver;
  /** Told of what an operator should look at, as a fixed sentence and facts for the log. */
  readonly onWarning: (message: string, facts?: FaultFacts) => void;
  readonly limits?: Partial<SvmLimits>;
}

/** One Solana cluster: the chain, and the schemes that settle on it. */
export interface SvmNetwork {
  readonly chain: Chain;
  readonly schemes: readonly SchemeHandler[];
  /** How each RPC endpoint does. */
  readonly endpoints: () => readonly EndpointStatus[];
  /** From now on only nodes of the chain with this first block are used; throws `CHAIN_CHANGED` where one showed another. */
  readonly bindTo: (identity: string) => void;
}

/**
 * Builds the chain and the schemes of one Solana cluster. Asks the chain nothing yet.
 * @throws RangeError when the network is no Solana network, the key is malformed or an asset is no address. Says no secret.
 */
export function createSvmNetwork(parts: SvmNetworkParts): SvmNetwork {
  const { network, clock, onRpcCall, onWarning } = parts;
  const limits = readSvmLimits(parts.limits);
  if (networkFamily(network) !== 'solana') throw new RangeError(`${network} is not a Solana network`);
  const { feePayerKey, feePayerAddress = '' } = parts;
  const signer = feePayerKey === undefined ? absentSvmSigner(feePayerAddress) : readSvmSigner(feePayerKey);
  if (signer === undefined) throw new RangeError('The fee payer key is not base58 of a 64-byte Solana secret key');
  const malformed = parts.assets.find((asset) => parseSvmAddress(asset) === undefined);
  if (malformed !== undefined) throw new RangeError(`The asset "${malformed}" is not a Solana address`);

  const pool = createJsonRpcPool({
    network,
    urls: parts.rpcUrls,
    commitment: limits.commitment,
    limits: poolLimitsOf(limits),
    onRpcCall,
    onWarning,
  });
  const rpc = createSolanaRpc(pool.client, limits.commitment);
  const mints = createMintRegistry({ rpc, clock, onWarning });
  const recentBank = createRecentBank({ rpc, clock });
  const allowedMints = new Set(parts.assets);
  return {
    chain: createSvmChain({ network, rpc, mints, signer, commitment: limits.commitment, clock, onWarning }),
    schemes: [createExactScheme({ network, rpc, mints, recentBank, signer, allowedMints, limits, onWarning })],
    endpoints: pool.statuses,
    bindTo: pool.bindTo,
  };
}
