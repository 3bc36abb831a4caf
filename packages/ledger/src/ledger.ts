import { createHash } from 'node:crypto';
import { isCheckViolation, type Database, type Sql } from '@tollkeeper/database';
import { Fault, type Amount, type Asset, type Network, amount } from '@tollkeeper/protocol';
import type { AccountKind } from './chart-of-accounts.js';

/** An account by what it is, which is how callers name it; it is opened by its first posting. */
export interface AccountName {
  readonly kind: AccountKind;
  readonly owner: string;
}

/** One movement between two accounts of one asset. */
export interface Leg {
  readonly debit: AccountName;
  readonly credit: AccountName;
  readonly asset: Asset;
  readonly amount: Amount;
}

/** The legs of one event, posted together or not at all, once for each (scope, key). */
export interface Posting {
  readonly scope: string;
  readonly key: string;
  readonly legs: readonly Leg[];
}

export interface Posted {
  readonly journalId: bigint;
  /** The event had been posted before, with the same legs; nothing moved now. */
  readonly replayed: boolean;
}

/** What an account holds of one asset, in minor units on its normal side. */
export interface AccountBalance {
  readonly kind: AccountKind;
  readonly owner: string;
  readonly asset: Asset;
  readonly balance: Amount;
  readonly held: Amount;
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
  return { assetId, post, balancesOf, trialBalance };

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
   * @throws Fault `LEDGER_KEY_REUSED` when (scope, key) was posted with other legs, and `LEDGER_ACCOUNT_OVERDRAWN` when an
   * account would fall below zero; the caller's transaction is over then.
   */
  async function post(sql: Sql, posting: Posting): Promise<Posted> {
    const bodyHash = hashOf(posting.legs);
    const [journal] = await sql<{ id: bigint }>`
      INSERT INTO journal (scope, idempotency_key, body_hash) VALUES (${posting.scope}, ${posting.key}, ${bodyHash})
      ON CONFLICT (scope, idempotency_key) DO NOTHING
      RETURNING id`;
    if (journal === undefined) return replay(sql, posting, bodyHash);
    const rows: TransferRow[] = [];
    for (const leg of posting.legs) {
      const asset = await assetId(sql, leg.asset);
      rows.push({
        asset,
        debit: await accountId(sql, leg.debit, asset),
        credit: await accountId(sql, leg.credit, asset),
        amount: leg.amount,
      });
    }
    await insertTransfers(sql, journal.id, rows);
    parts.onPosted?.(posting);
    return { journalId: journal.id, replayed: false };
  }

  /** Every balance of the given owners, ordered by asset and kind. */
  async function balancesOf(owners: readonly string[]): Promise<readonly AccountBalance[]> {
    const rows = await parts.database.sql<BalanceRow>`
      SELECT account.kind, account.owner, asset.network, asset.token, sum(balance.held) AS held,
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

interface TransferRow {
  readonly asset: number;
  readonly debit: bigint;
  readonly credit: bigint;
  readonly amount: bigint;
}

/** All legs in one statement, so that each balance is locked once and in the same order as everybody else locks it. */
async function insertTransfers(sql: Sql, journalId: bigint, rows: readonly TransferRow[]): Promise<void> {
  try {
    await sql`
      INSERT INTO transfer (journal_id, leg, asset_id, debit_account_id, credit_account_id, amount)
      SELECT ${journalId}::bigint, leg, asset, debit, credit, amount
      FROM unnest(
        ${rows.map((_, leg) => leg)}::smallint[],
        ${rows.map((row) => row.asset)}::integer[],
        ${rows.map((row) => row.debit)}::bigint[],
        ${rows.map((row) => row.credit)}::bigint[],
        ${rows.map((row) => row.amount)}::numeric[]
      ) AS legs (leg, asset, debit, credit, amount)`;
  } catch (error) {
    if (!isCheckViolation(error, 'balance_not_overdrawn')) throw error;
    throw new Fault('LEDGER_ACCOUNT_OVERDRAWN', { journalId }, { cause: error });
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

async function replay(sql: Sql, posting: Posting, bodyHash: Uint8Array): Promise<Posted> {
  const [earlier] = await sql<{ id: bigint; bodyHash: Uint8Array }>`
    SELECT id, body_hash AS "bodyHash" FROM journal
    WHERE scope = ${posting.scope} AND idempotency_key = ${posting.key}`;
  if (earlier === undefined || Buffer.compare(earlier.bodyHash, bodyHash) !== 0) {
    throw new Fault('LEDGER_KEY_REUSED', { scope: posting.scope, key: posting.key });
  }
  return { journalId: earlier.id, replayed: true };
}

async function accountId(sql: Sql, name: AccountName, asset: number): Promise<bigint> {
  const [found] = await sql<{ id: bigint }>`
    SELECT id FROM account WHERE kind = ${name.kind} AND asset_id = ${asset} AND owner = ${name.owner}`;
  if (found !== undefined) return found.id;
  await sql`
    INSERT INTO account (kind, asset_id, owner) VALUES (${name.kind}, ${asset}, ${name.owner}) ON CONFLICT DO NOTHING`;
  return accountId(sql, name, asset);
}

function hashOf(legs: readonly Leg[]): Uint8Array {
  const lines = legs.map((leg) =>
    JSON.stringify([
      leg.debit.kind,
      leg.debit.owner,
      leg.credit.kind,
      leg.credit.owner,
      leg.asset.network,
      leg.asset.token,
      leg.amount.toString(),
    ]),
  );
  return createHash('sha256').update(lines.join('\n')).digest();
}
