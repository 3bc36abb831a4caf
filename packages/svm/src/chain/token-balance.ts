import { amount, type Amount, type Asset } from '@tollkeeper/protocol';
import type { SolanaRpc } from '../rpc/solana-rpc.js';
import { associatedTokenAccount } from '../token/associated-token-account.js';
import { tokenPrograms } from '../token/programs.js';
import { readTokenAccount } from '../token/token-account.js';

/** What `owner` holds in the associated token account of the asset, of whichever token program; zero without one. */
export async function readTokenBalance(
  rpc: SolanaRpc,
  query: { readonly asset: Asset; readonly owner: string },
): Promise<Amount> {
  const { owner } = query;
  const mint = query.asset.token;
  const accounts = await rpc.accounts(tokenPrograms.map((program) => associatedTokenAccount({ owner, mint, program })));
  const held = accounts.map(readTokenAccount).find((account) => account?.mint === mint && account.owner === owner);
  return amount(held?.amount ?? 0n);
}
