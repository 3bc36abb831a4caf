import {
  networkFamily,
  type Chain,
  type Clock,
  type FaultFacts,
  type Network,
  type RpcObserver,
  type SchemeHandler,
} from '@tollkeeper/protocol';
import { parseSvmAddress } from './address/svm-address.js';
import { createSvmChain } from './chain/svm-chain.js';
import { createExactScheme } from './exact/exact-scheme.js';
import { readSvmLimits, type SvmLimits } from './limits.js';
import { createJsonRpcClient } from './rpc/json-rpc-client.js';
import { createSolanaRpc } from './rpc/solana-rpc.js';
import { readSvmSigner } from './signing/secret-key.js';
import { createMintRegistry } from './token/mint-registry.js';

/** Everything that one Solana cluster needs to be settled on. */
export interface SvmNetworkParts {
  readonly network: Network;
  readonly rpcUrl: string;
  /** The fee payer's secret key, base58 of 64 bytes. It is read once and never shown. */
  readonly feePayerKey: string;
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
}

/**
 * Builds the chain and the schemes of one Solana cluster. Asks the chain nothing yet.
 * @throws RangeError when the network is no Solana network, the key is malformed or an asset is no address. Says no secret.
 */
export function createSvmNetwork(parts: SvmNetworkParts): SvmNetwork {
  const { network, clock, onRpcCall, onWarning } = parts;
  const limits = readSvmLimits(parts.limits);
  if (networkFamily(network) !== 'solana') throw new RangeError(`${network} is not a Solana network`);
  const signer = readSvmSigner(parts.feePayerKey);
  if (signer === undefined) throw new RangeError('The fee payer key is not base58 of a 64-byte Solana secret key');
  const malformed = parts.assets.find((asset) => parseSvmAddress(asset) === undefined);
  if (malformed !== undefined) throw new RangeError(`The asset "${malformed}" is not a Solana address`);

  const client = createJsonRpcClient({ network, url: parts.rpcUrl, timeoutMs: limits.rpcTimeoutMs, onRpcCall });
  const rpc = createSolanaRpc(client, limits.commitment);
  const mints = createMintRegistry({ rpc, clock, onWarning });
  const allowedMints = new Set(parts.assets);
  return {
    chain: createSvmChain({ network, rpc, mints, signer, commitment: limits.commitment }),
    schemes: [createExactScheme({ network, rpc, mints, signer, allowedMints, limits, onWarning })],
  };
}
