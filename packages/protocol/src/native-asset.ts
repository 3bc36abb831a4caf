import type { Asset } from './asset.js';
import { networkFamily, type Network } from './network.js';

/** Coin types of SLIP-44, as CAIP-19 names native coins. */
const coins = { eip155: 'slip44:60', solana: 'slip44:501' } as const;

/** The coin in which a network's fees are paid; its minor units are wei or lamports. */
export function nativeAsset(network: Network): Asset {
  return { network, token: coins[networkFamily(network)] };
}
