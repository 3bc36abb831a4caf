import { AccountLayout, AccountState } from '@solana/spl-token';
import type { RpcAccount } from '../rpc/solana-rpc.js';
import { isTokenProgram, type TokenProgram } from './programs.js';

/** A token account as the chain keeps it. */
export interface TokenAccount {
  readonly program: TokenProgram;
  readonly mint: string;
  readonly owner: string;
  readonly amount: bigint;
}

/** Reads the part that both token programs share; undefined when the account is no initialized token account. */
export function readTokenAccount(account: RpcAccount | null | undefined): TokenAccount | undefined {
  if (!account || !isTokenProgram(account.owner) || account.data.length < AccountLayout.span) return undefined;
  const { mint, owner, amount, state } = AccountLayout.decode(account.data.subarray(0, AccountLayout.span));
  if (state === AccountState.Uninitialized) return undefined;
  return { program: account.owner, mint: mint.toBase58(), owner: owner.toBase58(), amount };
}
