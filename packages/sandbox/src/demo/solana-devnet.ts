/** The CAIP-2 name of Solana devnet. Stock packages know no name for a local chain, so ours answers to this one. */
export const SOLANA_DEVNET = 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1';
