import type { Database, Sql } from '@tollkeeper/database';
import { baseSepolia, knownTokensOf, solanaDevnet } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, type EvmChain, type SolanaChain } from '@tollkeeper/sandbox';

/**
 * Holds the ledger against itself and against the chains, and names every difference: debits and credits per asset, each
 * balance and the sum of its transfers, each custody account and the chain's balance of its address, each credit and its
 * effect, each settled payment and its effect, each wallet's pending and available money and what is confirmed and final, and
 * what is in flight and the payments without an outcome.
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
  const misplaced = await sql<{ id: string }>`
    SELECT coalesce(payment.id, payment_id) AS id FROM payment FULL JOIN payment_in_flight ON payment_id = payment.id
    WHERE (payment.id IS NOT NULL AND payment.concluded_at IS NULL) <> (payment_id IS NOT NULL)`;
  for (const { id } of misplaced) problems.push(`payment ${id}: in flight with an outcome, or the reverse`);
  for (const problem of await findEffectProblems(sql)) problems.push(problem);
  // Known tokens are looked up whether or not the ledger has heard of them: money that it missed would be one of those.
  const known = JSON.stringify(
    [baseSepolia, solanaDevnet].flatMap((network) => knownTokensOf(network).map(({ token }) => ({ network, token }))),
  );
  const custody = await sql<{ network: string; token: string; owner: string; held: bigint }>`
    WITH held_token AS (
      SELECT network, token FROM asset WHERE token NOT LIKE 'slip44:%'
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

/**
 * A credit belongs to an effect, or was taken back. A reversed effect has no credit, every other one has it once, and a final
 * one has released it. So a wallet's pending money is what is confirmed, and its available money is what is final.
 */
async function findEffectProblems(sql: Sql): Promise<readonly string[]> {
  const problems: string[] = [];
  const stray = await sql<{ id: bigint }>`
    SELECT journal.id FROM journal
    LEFT JOIN effect ON effect.journal_id = journal.id AND effect.reversed_at IS NULL
    LEFT JOIN journal AS reversal ON reversal.reverses = journal.id
    WHERE journal.scope = 'effect' AND (effect.journal_id IS NOT NULL) = (reversal.id IS NOT NULL)`;
  for (const { id } of stray) problems.push(`journal ${id}: a credit without an effect, or one that was taken back`);
  const wallets = await sql<{ kind: string; owner: string; token: string; held: bigint; proven: bigint }>`
    SELECT account.kind, account.owner, asset.token, balance.credit - balance.debit AS held,
      (SELECT coalesce(sum(effect.amount), 0) FROM effect
        JOIN deposit_address AS deposit ON deposit.network = effect.network AND deposit.address = effect.recipient
        WHERE deposit.wallet_id::text = account.owner AND effect.asset_id = account.asset_id AND effect.reversed_at IS NULL
          AND (effect.final_at IS NOT NULL) = (account.kind = 'merchant_available')) AS proven
    FROM account
    JOIN asset ON asset.id = account.asset_id
    JOIN balance ON balance.account_id = account.id
    WHERE account.kind IN ('merchant_pending', 'merchant_available')`;
  for (const { kind, owner, token, held, proven } of wallets) {
    if (held !== proven)
      problems.push(`${kind} ${owner}, ${token}: the ledger has ${held}, the effects prove ${proven}`);
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
