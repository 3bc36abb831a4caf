import type { Database, Sql } from '@tollkeeper/database';
import { amount, type Network } from '@tollkeeper/protocol';
import { createGroupCommit } from './group-commit.js';
import type { Ledger } from './ledger.js';
import type { Posting } from './posting.js';
import { walletTransferPosting } from './wallet-transfer-posting.js';

/** What one sweep put away. */
export interface Swept {
  readonly holds: number;
  readonly transfers: number;
  /** Transfers whose refund was refused; they stay in escrow and are tried again. */
  readonly refused: readonly { readonly transferId: string; readonly error: unknown }[];
}

const BATCH = 200;

export type ExpirySweeper = ReturnType<typeof createExpirySweeper>;

/**
 * Voids expired holds and returns expired transfers to their senders. It decides nothing: that they are expired follows from
 * the clock wherever money is decided about, also while nobody sweeps. Several processes may sweep at once.
 */
export function createExpirySweeper(parts: { readonly database: Database; readonly ledger: Ledger }) {
  const refunds = createGroupCommit<string>({ ...parts, guard: expireTransfers, maximumBatch: BATCH });
  return { sweep };

  /** Puts away some hundred of each at most, so that it stays short; a full sweep is a reason to sweep again at once. */
  async function sweep(): Promise<Swept> {
    const holds = await voidExpiredHolds();
    const expired = await parts.database.sql<{ id: string }>`
      SELECT id FROM wallet_transfer WHERE state = 'pending' AND expires_at <= clock_timestamp()
      ORDER BY expires_at LIMIT ${BATCH}`;
    const outcomes = await Promise.allSettled(expired.map(({ id }) => refunds.commit(id)));
    let transfers = 0;
    const refused: { transferId: string; error: unknown }[] = [];
    for (const [index, { id }] of expired.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status === 'rejected') refused.push({ transferId: id, error: outcome.reason });
      else if (outcome?.value.state === 'posted') transfers += 1;
    }
    return { holds, transfers, refused };
  }

  /** Balances before holds, as everywhere. */
  async function voidExpiredHolds(): Promise<number> {
    return parts.database.transaction(async (sql) => {
      const expired = await sql<{ id: string; accountId: bigint }>`
        SELECT id, account_id AS "accountId" FROM hold WHERE state = 'open' AND expires_at <= clock_timestamp()
        ORDER BY expires_at LIMIT ${BATCH}`;
      if (expired.length === 0) return 0;
      await sql`SELECT lock_balances(${expired.map(({ accountId }) => accountId)}::bigint[])`;
      const voided = await sql`
        UPDATE hold SET state = 'voided'
        WHERE id = ANY (${expired.map(({ id }) => id)}::uuid[]) AND state = 'open' AND expires_at <= clock_timestamp()
        RETURNING id`;
      return voided.length;
    });
  }
}

/** Only a transfer that nobody ended before goes back, whoever sweeps beside us. */
async function expireTransfers(
  sql: Sql,
  ids: readonly string[],
): Promise<readonly ({ readonly postings: readonly Posting[] } | undefined)[]> {
  const rows = await sql<ExpiredTransfer>`
    UPDATE wallet_transfer SET state = 'expired'
    FROM asset
    WHERE asset.id = wallet_transfer.asset_id
      AND wallet_transfer.id IN (
        SELECT id FROM wallet_transfer
        WHERE id = ANY (${ids}::uuid[]) AND state = 'pending' AND expires_at <= clock_timestamp()
        ORDER BY id
        FOR UPDATE
      )
    RETURNING wallet_transfer.id, sender_wallet_id AS "senderWalletId", asset.network, asset.token, amount`;
  const postings = new Map(rows.map((row) => [row.id, postingOf(row)]));
  return ids.map((id) => {
    const posting = postings.get(id);
    return posting && { postings: [posting] };
  });
}

interface ExpiredTransfer {
  readonly id: string;
  readonly senderWalletId: string;
  readonly network: Network;
  readonly token: string;
  readonly amount: bigint;
}

function postingOf({ network, token, ...row }: ExpiredTransfer): Posting {
  const transfer = { ...row, receiverWalletId: undefined, asset: { network, token }, amount: amount(row.amount) };
  return walletTransferPosting(transfer, 'expired');
}
