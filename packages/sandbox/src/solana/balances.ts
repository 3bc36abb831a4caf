import type { AccountStore } from './account-store.js';
import type { TokenBalance } from './landed-transaction.js';
import { readMint, readTokenAccount, uiTokenAmount } from './token-account.js';

export interface Balances {
  readonly lamports: readonly string[];
  readonly tokens: readonly TokenBalance[];
}

/** Reads what a transaction's accounts hold now, in the shape of `preBalances` and `preTokenBalances`. */
export function readBalances(accountKeys: readonly string[], accounts: AccountStore): Balances {
  const tokens: TokenBalance[] = [];
  const lamports = accountKeys.map((key, accountIndex) => {
    const account = accounts.read(key);
    const token = readTokenAccount(account);
    if (account !== undefined && token !== undefined) {
      const decimals = readMint(accounts.read(token.mint))?.decimals ?? 0;
      const { mint, owner, amount } = token;
      const uiAmount = uiTokenAmount(amount, decimals);
      tokens.push({ accountIndex, mint, owner, programId: account.owner, uiTokenAmount: uiAmount });
    }
    return (account?.lamports ?? 0n).toString();
  });
  return { lamports, tokens };
}
