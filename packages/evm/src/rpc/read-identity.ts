import { evmChainId, Fault, type Network } from '@tollkeeper/protocol';
import type { EvmNode } from './evm-node.js';

/**
 * The hash of the chain's first block, which tells chains of one id apart.
 * @throws Fault `CHAIN_WRONG_NETWORK` when the node serves another id, `CHAIN_RPC_UNAVAILABLE` when it does not tell.
 */
export async function readIdentity(parts: { readonly network: Network; readonly node: EvmNode }): Promise<string> {
  const { network, node } = parts;
  const [chainId, genesis] = await Promise.all([node.chainId(), node.block(0n)]);
  if (chainId !== evmChainId(network)) throw new Fault('CHAIN_WRONG_NETWORK', { network, servedChainId: chainId });
  if (genesis === undefined) throw new Fault('CHAIN_RPC_UNAVAILABLE', { network, trouble: 'no first block' });
  return genesis.hash;
}
