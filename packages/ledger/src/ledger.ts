import type { Database, Sql } from '@tollkeeper/database';
import { Fault, type Amount, type Asset, type Network, amount } from '@tollkeeper/protocol';
import type { AccountKind } from './chart-of-accounts.js';
import { legsOf } from './journal-legs.js';
import { postJournals } from './post-journals.js';
import type { Posted, Posting } from './posting.js';

/** What an account holds of one asset, in minor units on its normal side. */
export interface AccountBalance {
  readonly kind: AccountKind;
  readonly owner: string;
  readonly asset: Asset;
  readonly balance: Amount;
  readonly held: Amount;
}

/** Postings whose journals have their ids, and whose legs are still to be written in the same transaction. */
export interface StartedPosting {
  /** In the order of the postings. */
  readonly posted: readonly Posted[];
  /** Writes the legs. Locks the balances, so what else there is to do comes before it; rejects as `post` does. */
  readonly write: () => Promise<void>;
}

/** Everything ever debited and credited in one asset. The books are right only if the two are equal. */
export interface TrialBalanceLine {
  readonly asset: Asset;
  readonly debit: Amount;
  readonly credit: Amount;
}

export type Ledger = ReturnType<typeof createLedger>;

/** @param parts.onPosted is called after a posting was written, before its transaction commits; it feeds the metrics. */
export function createLedger(parts: { readonly database: Database; readonly onPosted?: (posting: Posting) => void }) {
  return { assetId, post, postAll, startPosting, legsOf, balancesOf, trialBalance, closeAccounts, reopenAccounts };

  /** The id of an asset, given on first sight. */
  async function assetId(sql: Sql, asset: Asset): Promise<number> {
    const [found] = await sql<{ id: number }>`
      SELECT id FROM asset WHERE network = ${asset.network} AND token = ${asset.token}`;
    if (found !== undefined) return found.id;
    await sql`
      INSERT INTO asset (network, token) VALUES (${asset.network}, ${asset.token}) ON CONFLICT DO NOTHING`;
    return assetId(sql, asset);
  }

  /**
   * Posts within the caller's transaction, so that the event's own state changes with it or not at all.
   * @throws Fault `LEDGER_KEY_REUSED` when (scope, key) was posted with other legs, `LEDGER_ACCOUNT_OVERDRAWN` when an account
   * would fall below zero, and `LEDGER_ACCOUNT_CLOSED` when one is closed; the caller's transaction is over then.
   */
  async function post(sql: Sql, posting: Posting): Promise<Posted> {
    const [posted] = await postAll(sql, [posting]);
    if (posted === undefined) throw new Fault('INTERNAL', { problem: 'a posting without its journal' });
    return posted;
  }

  /** Posts many events in the order given, as `post` does each, and touches each balance once. */
  async function postAll(sql: Sql, postings: readonly Posting[]): Promise<readonly Posted[]> {
    const { posted, write } = await startPosting(sql, postings);
    await write();
    return posted;
  }

  /** The first half of `postAll`: for statements that need the journals' ids and should not wait for the balances' locks. */
  async function startPosting(sql: Sql, postings: readonly Posting[]): Promise<StartedPosting> {
    const { posted, fresh, write } = await postJournals(sql, postings);
    return {
      posted,
      write: async () => {
        await write();
        for (const posting of fresh) parts.onPosted?.(posting);
      },
    };
  }

  /** Closes every account that an owner has: they take no postings and no holds any more; holds on them may still be voided. */
  async function closeAccounts(sql: Sql, owner: string): Promise<void> {
    await sql`UPDATE account SET closed_at = now() WHERE owner = ${owner} AND closed_at IS NULL`;
  }

  async function reopenAccounts(sql: Sql, owner: string): Promise<void> {
    await sql`UPDATE account SET closed_at = NULL WHERE owner = ${owner} AND closed_at IS NOT NULL`;
  }

  /** Every balance of the given owners, ordered by asset and kind. What expired holds reserved is not held any more. */
  async function balancesOf(owners: readonly string[]): Promise<readonly AccountBalance[]> {
    const rows = await parts.database.sql<BalanceRow>`
      SELECT account.kind, account.owner, asset.network, asset.token,
        sum(balance.held - CASE WHEN balance.held > 0 THEN (
          SELECT coalesce(sum(hold.amount), 0) FROM hold
          WHERE hold.account_id = account.id AND hold.state = 'open' AND hold.expires_at <= clock_timestamp()
        ) ELSE 0 END) AS held,
        sum(CASE balance.normal_side WHEN 'credit' THEN balance.credit - balance.debit
                                     ELSE balance.debit - balance.credit END) AS balance
      FROM account
      JOIN balance ON balance.account_id = account.id
      JOIN asset ON asset.id = account.asset_id
      WHERE account.owner = ANY(${owners}::text[])
      GROUP BY account.kind, account.owner, asset.network, asset.token
      ORDER BY asset.network, asset.token, account.kind`;
    return rows.map((row) => ({
      kind: row.kind,
      owner: row.owner,
      asset: { network: row.network, token: row.token },
      balance: amount(row.balance),
      held: amount(row.held),
    }));
  }

  async function trialBalance(): Promise<readonly TrialBalanceLine[]> {
    const rows = await parts.database.sql<{ network: Network; token: string; debit: bigint; credit: bigint }>`
      SELECT network, token, debit, credit FROM trial_balance ORDER BY network, token`;
    return rows.map((row) => ({
      asset: { network: row.network, token: row.token },
      debit: amount(row.debit),
      credit: amount(row.credit),
    }));
  }
}

interface BalanceRow {
  readonly kind: AccountKind;
  readonly owner: string;
  readonly network: Network;
  readonly token: string;
  readonly balance: bigint;
  readonly held: bigint;
}
