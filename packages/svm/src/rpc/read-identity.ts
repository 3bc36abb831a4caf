import { Fault, type Network } from '@tollkeeper/protocol';
import type { SolanaRpc } from './solana-rpc.js';

/** CAIP-2 names a cluster by the first characters of its genesis hash. */
const referenceLength = 32;

/**
 * The cluster's genesis hash.
 * @throws Fault `CHAIN_WRONG_NETWORK` when the node belongs to another cluster, `CHAIN_RPC_UNAVAILABLE` when it does not tell.
 */
export async function readIdentity(network: Network, rpc: SolanaRpc): Promise<string> {
  const genesisHash = await rpc.genesisHash();
  if (network === `solana:${genesisHash.slice(0, referenceLength)}`) return genesisHash;
  throw new Fault('CHAIN_WRONG_NETWORK', { network, genesisHash });
}
