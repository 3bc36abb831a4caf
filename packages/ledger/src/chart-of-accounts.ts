/** The kinds of account, each per asset. The database keeps every one from falling below zero on its normal side. */
export const accountKinds = {
  /** What an on-chain address of ours holds. Owner: the address. Normal side: debit. */
  custody: 'debit',
  /** What was received for a wallet and may still be undone by a reorg. Owner: the wallet's id. Normal side: credit. */
  merchant_pending: 'credit',
  /** What a wallet may spend. Owner: the wallet's id. Normal side: credit. */
  merchant_available: 'credit',
} as const satisfies Record<string, 'debit' | 'credit'>;

export type AccountKind = keyof typeof accountKinds;
