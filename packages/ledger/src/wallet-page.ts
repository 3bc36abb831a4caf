/** One page of a list of what happened in wallets, by ids that grow with time. */
export interface WalletPage {
  /** The wallets that are listed; the caller has made sure that they may be seen. */
  readonly walletIds: readonly string[];
  /** Where the page before ended; the first page begins with the newest. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** After every id, so that the first page begins at the end. */
export const lastId = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
