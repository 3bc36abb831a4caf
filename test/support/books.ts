import type { Database } from '@tollkeeper/database';
import { baseSepolia, knownTokensOf, solanaDevnet } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, type EvmChain, type SolanaChain } from '@tollkeeper/sandbox';

/**
 * Holds the ledger against itself and against the chains, and names every difference: debits and credits per asset, each
 * balance and the sum of its transfers, each custody account and the chain's balance of its address, each credit and its
 * effect, each settled payment and its effect.
 */
export async function findBookProblems(books: {
  readonly database: Database;
  readonly evm?: EvmChain | undefined;
  readonly svm?: SolanaChain | undefined;
}): Promise<readonly string[]> {
  const { sql } = books.database;
  const problems: string[] = [];
  for (const line of await sql<{ token: string; debit: bigint; credit: bigint }>`SELECT * FROM trial_balance`) {
    if (line.debit !== line.credit) problems.push(`${line.token}: debits ${line.debit}, credits ${line.credit}`);
  }
  const drifted = await sql<{ id: bigint }>`
    SELECT account.id FROM account
    JOIN balance ON balance.account_id = account.id
    WHERE balance.debit <> (SELECT coalesce(sum(amount), 0) FROM transfer WHERE debit_account_id = account.id)
       OR balance.credit <> (SELECT coalesce(sum(amount), 0) FROM transfer WHERE credit_account_id = account.id)`;
  for (const { id } of drifted) problems.push(`account ${id}: its balance is not the sum of its transfers`);
  const unproven = await sql<{ id: string }>`
    SELECT payment.id FROM payment LEFT JOIN effect ON effect.payment_id = payment.id
    WHERE (payment.state = 'settled') <> (effect.payment_id IS NOT NULL)`;
  for (const { id } of unproven) problems.push(`payment ${id}: settled without an effect, or the reverse`);
  const uncredited = await sql<{ id: bigint }>`
    SELECT journal.id FROM journal LEFT JOIN effect ON effect.journal_id = journal.id
    WHERE journal.scope = 'effect' AND effect.journal_id IS NULL`;
  for (const { id } of uncredited) problems.push(`journal ${id}: a credit without an effect`);
  // Known tokens are looked up whether or not the ledger has heard of them: money that it missed would be one of those.
  const known = JSON.stringify(
    [baseSepolia, solanaDevnet].flatMap((network) => knownTokensOf(network).map(({ token }) => ({ network, token }))),
  );
  const custody = await sql<{ network: string; token: string; owner: string; held: bigint }>`
    WITH held_token AS (
      SELECT network, token FROM asset
      UNION
      SELECT network, token FROM jsonb_to_recordset(${known}::jsonb) AS known (network text, token text)
    )
    SELECT held_token.network, held_token.token, deposit.address AS owner,
      coalesce(balance.debit - balance.credit, 0) AS held
    FROM deposit_address AS deposit
    JOIN held_token ON held_token.network = deposit.network
    LEFT JOIN asset ON asset.network = held_token.network AND asset.token = held_token.token
    LEFT JOIN account ON account.kind = 'custody' AND account.owner = deposit.address AND account.asset_id = asset.id
    LEFT JOIN balance ON balance.account_id = account.id`;
  for (const { network, token, owner, held } of custody) {
    const onChain = await balanceOnChain(books, { network, token, owner });
    if (onChain !== held) problems.push(`${owner}: the ledger has ${held}, the chain has ${onChain}`);
  }
  return problems;
}

async function balanceOnChain(
  chains: { readonly evm?: EvmChain | undefined; readonly svm?: SolanaChain | undefined },
  { network, token, owner }: { network: string; token: string; owner: string },
): Promise<bigint> {
  if (network.startsWith('solana:')) return chains.svm?.tokenBalance({ mint: token, owner }) ?? 0n;
  return chains.evm?.tokenBalance({ token: token as typeof BASE_SEPOLIA_USDC, owner: owner as `0x${string}` }) ?? 0n;
}
