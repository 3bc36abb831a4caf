import { baseMainnet, baseSepolia, solanaDevnet, solanaMainnet, type Network } from './network.js';

/** A stablecoin that is accepted without configuration. */
export interface KnownToken {
  readonly network: Network;
  readonly token: string;
  readonly symbol: string;
  readonly decimals: number;
}

/** Circle's USDC on the networks whose addresses are published; an operator adds others by `EVM_ASSETS` and `SVM_ASSETS`. */
export const knownTokens: readonly KnownToken[] = [
  { network: baseMainnet, token: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913', symbol: 'USDC', decimals: 6 },
  { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e', symbol: 'USDC', decimals: 6 },
  { network: solanaMainnet, token: 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v', symbol: 'USDC', decimals: 6 },
  { network: solanaDevnet, token: '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU', symbol: 'USDC', decimals: 6 },
];

/** The known stablecoins of one network; empty where none is published. */
export function knownTokensOf(id: Network): readonly KnownToken[] {
  return knownTokens.filter((known) => known.network === id);
}
