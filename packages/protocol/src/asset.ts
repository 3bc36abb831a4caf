import type { Amount } from './amount.js';
import type { Network } from './network.js';

/**
 * One token on one network. USDC on Base and USDC on Solana are two assets and never net.
 * `token` is canonical: the EIP-55 checksum address on EVM, the base58 mint on Solana.
 */
export interface Asset {
  readonly network: Network;
  readonly token: string;
}

/** An amount with its asset; neither travels alone. */
export interface Money {
  readonly asset: Asset;
  readonly amount: Amount;
}

export function isSameAsset(one: Asset, other: Asset): boolean {
  return one.network === other.network && one.token === other.token;
}
