export { devnetGenesisHash, startSolanaChain } from './start-solana-chain.js';
export type { LandedSummary, SolanaChain, SolanaChainOptions } from './start-solana-chain.js';
export type { TokenSpec, TransferFee } from './token-issuer.js';
export type { CommitmentLag } from './slot-clock.js';
