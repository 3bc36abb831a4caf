import { amount, type FinalizedBalance, type TokenHolder } from '@tollkeeper/protocol';
import type { SolanaRpc } from '../rpc/solana-rpc.js';
import { associatedTokenAccount } from '../token/associated-token-account.js';
import { tokenPrograms } from '../token/programs.js';
import { readTokenAccount } from '../token/token-account.js';

/** A request may name 100 accounts, and each holder has one for each token program. */
const holdersInRequest = 50;

/** What each holder has in the associated token account of its asset, as of a rooted slot; zero without an account. */
export async function readBalancesAtFinalized(
  rpc: SolanaRpc,
  holders: readonly TokenHolder[],
): Promise<readonly FinalizedBalance[]> {
  const balances: FinalizedBalance[] = [];
  for (let start = 0; start < holders.length; start += holdersInRequest) {
    balances.push(...(await readSome(rpc, holders.slice(start, start + holdersInRequest))));
  }
  return balances;
}

async function readSome(rpc: SolanaRpc, holders: readonly TokenHolder[]): Promise<readonly FinalizedBalance[]> {
  const addresses = holders.flatMap(({ asset, owner }) =>
    tokenPrograms.map((program) => associatedTokenAccount({ owner, mint: asset.token, program })),
  );
  const { slot, accounts } = await rpc.finalizedAccounts(addresses);
  return holders.map(({ asset, owner }, index) => {
    const own = accounts.slice(index * tokenPrograms.length, (index + 1) * tokenPrograms.length);
    const held = own.map(readTokenAccount).find((account) => account?.mint === asset.token && account.owner === owner);
    return { balance: amount(held?.amount ?? 0n), blockNumber: slot };
  });
}
