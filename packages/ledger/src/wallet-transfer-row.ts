import type { Sql } from '@tollkeeper/database';
import { amount, type Amount, type Asset, Fault, type Network } from '@tollkeeper/protocol';
import { lastId, type WalletPage } from './wallet-page.js';

/** Money on its way from one wallet to another. */
export interface WalletTransfer {
  readonly id: string;
  readonly senderWalletId: string;
  /** Undefined while whoever has the claim token may take it. */
  readonly receiverWalletId: string | undefined;
  readonly asset: Asset;
  readonly amount: Amount;
  /** expired: its time was up, by the database's clock; it goes back to its sender, or has gone already. */
  readonly state: 'pending' | 'completed' | 'cancelled' | 'expired';
  readonly reference: string | undefined;
  readonly createdAt: Date;
  /** Undefined where it was made in one step. */
  readonly expiresAt: Date | undefined;
  readonly concludedAt: Date | undefined;
}

/** @throws Fault `TRANSFER_NOT_FOUND` where this transaction sees no such transfer */
export async function readWalletTransfer(sql: Sql, id: string): Promise<WalletTransfer> {
  const [transfer] = await readWalletTransfers(sql, [id]);
  if (transfer === undefined) throw new Fault('TRANSFER_NOT_FOUND', { id });
  return transfer;
}

/** One page of what wallets sent and received, the newest first: of each wallet no more is read than the page holds. */
export async function listWalletTransfers(sql: Sql, page: WalletPage): Promise<readonly WalletTransfer[]> {
  const { walletIds, before = lastId, limit } = page;
  const found = await sql<{ id: string }>`
    SELECT sent.id FROM unnest(${walletIds}::uuid[]) AS wallet (id) CROSS JOIN LATERAL (
      SELECT id FROM wallet_transfer WHERE sender_wallet_id = wallet.id AND id < ${before}::uuid
      ORDER BY id DESC LIMIT ${limit}
    ) AS sent
    UNION
    SELECT received.id FROM unnest(${walletIds}::uuid[]) AS wallet (id) CROSS JOIN LATERAL (
      SELECT id FROM wallet_transfer WHERE receiver_wallet_id = wallet.id AND id < ${before}::uuid
      ORDER BY id DESC LIMIT ${limit}
    ) AS received
    ORDER BY id DESC LIMIT ${limit}`;
  return readWalletTransfers(
    sql,
    found.map(({ id }) => id),
  );
}

async function readWalletTransfers(sql: Sql, ids: readonly string[]): Promise<readonly WalletTransfer[]> {
  const rows = await sql<WalletTransferRow>`
    SELECT wallet_transfer.id, sender_wallet_id AS "senderWalletId", receiver_wallet_id AS "receiverWalletId",
      asset.network, asset.token, amount, reference, created_at AS "createdAt", expires_at AS "expiresAt",
      concluded_at AS "concludedAt",
      CASE WHEN state = 'pending' AND clock_timestamp() >= expires_at THEN 'expired' ELSE state END AS state
    FROM wallet_transfer
    JOIN asset ON asset.id = wallet_transfer.asset_id
    WHERE wallet_transfer.id = ANY (${ids}::uuid[])
    ORDER BY wallet_transfer.id DESC`;
  return rows.map(walletTransferOf);
}

interface WalletTransferRow {
  readonly id: string;
  readonly senderWalletId: string;
  readonly receiverWalletId: string | null;
  readonly network: Network;
  readonly token: string;
  readonly amount: bigint;
  readonly state: WalletTransfer['state'];
  readonly reference: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly concludedAt: Date | null;
}

function walletTransferOf(row: WalletTransferRow): WalletTransfer {
  const { id, senderWalletId, state, createdAt } = row;
  return {
    id,
    senderWalletId,
    receiverWalletId: row.receiverWalletId ?? undefined,
    asset: { network: row.network, token: row.token },
    amount: amount(row.amount),
    state,
    reference: row.reference ?? undefined,
    createdAt,
    expiresAt: row.expiresAt ?? undefined,
    concludedAt: row.concludedAt ?? undefined,
  };
}
