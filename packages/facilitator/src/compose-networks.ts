import { createEvmNetwork } from '@tollkeeper/evm';
import {
  knownTokensOf,
  type Clock,
  type EndpointStatus,
  type FaultFacts,
  type RpcObserver,
  type SchemeHandler,
} from '@tollkeeper/protocol';
import type { Config, NetworkConfig } from './config/config.js';
import type { CustodyNetwork } from './custody/deposit-addresses.js';
import type { Logger } from './logging/logger.js';

/** A configured network with the parts that settle on it. */
export interface OpenNetwork extends CustodyNetwork {
  readonly endpoints: () => readonly EndpointStatus[];
  /** From now on only nodes of the chain with this first block are used; throws `CHAIN_CHANGED` where one showed another. */
  readonly bindTo: (identity: string) => void;
  readonly schemes: readonly SchemeHandler[];
  /** Ends what runs beside the requests. */
  close(): Promise<void>;
}

/** The configured networks with what settles on them. Talks to no node yet. */
export async function openNetworks(
  config: Config,
  parts: { readonly clock: Clock; readonly onRpcCall: RpcObserver; readonly log: Logger },
): Promise<readonly OpenNetwork[]> {
  const { clock, onRpcCall, log } = parts;
  const onWarning = (message: string, facts?: FaultFacts) => {
    log.warn({ facts }, message);
  };
  const open = [];
  if (config.evm !== undefined) {
    const { network, signers } = config.evm;
    const assets = tokensOf(config.evm);
    const made = createEvmNetwork({
      network,
      rpcUrls: config.evm.rpcUrls.map((url) => url.reveal()),
      limits: { ...config.evm.rpc, ...config.settlement.evmLimits },
      signerKeys: signers.flatMap(({ key }) => key?.reveal() ?? []),
      signerAddresses: signers.flatMap(({ key, address }) => (key === undefined ? [address] : [])),
      assets,
      clock,
      onRpcCall,
      onWarning,
    });
    open.push(withAssets(made, assets));
  }
  if (config.svm !== undefined) {
    // Solana's libraries take 17 MB, which whoever settles elsewhere has no use for.
    const { createSvmNetwork } = await import('@tollkeeper/svm/network');
    const { network, signers } = config.svm;
    const assets = tokensOf(config.svm);
    const [feePayer] = signers;
    const feePayerKey = feePayer?.key?.reveal();
    const made = createSvmNetwork({
      network,
      rpcUrls: config.svm.rpcUrls.map((url) => url.reveal()),
      limits: { ...config.svm.rpc, ...config.settlement.svmLimits },
      ...(feePayerKey === undefined ? { feePayerAddress: feePayer?.address ?? '' } : { feePayerKey }),
      assets,
      clock,
      onRpcCall,
      onWarning,
    });
    open.push(withAssets({ ...made, close: () => Promise.resolve() }, assets));
  }
  return open;
}

function tokensOf({ network, assets }: NetworkConfig): readonly string[] {
  return [...new Set([...knownTokensOf(network).map(({ token }) => token), ...assets])];
}

function withAssets(
  made: Pick<OpenNetwork, 'chain' | 'schemes' | 'endpoints' | 'bindTo' | 'close'>,
  tokens: readonly string[],
): OpenNetwork {
  return { ...made, assets: tokens.map((token) => ({ network: made.chain.network, token })) };
}
