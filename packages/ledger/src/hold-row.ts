import type { Sql } from '@tollkeeper/database';
import { amount, type Amount, type Asset, Fault, type Network } from '@tollkeeper/protocol';
import type { AccountKind } from './chart-of-accounts.js';
import type { AccountName } from './posting.js';
import { lastId, type WalletPage } from './wallet-page.js';

/** Money that stays in its account and cannot be spent until the hold ends. */
export interface Hold {
  readonly id: string;
  readonly account: AccountName;
  readonly asset: Asset;
  readonly amount: Amount;
  /** What was taken of it; the rest was released. */
  readonly captured: Amount;
  /** expired: nobody ended it in time, by the database's clock; its money is free, whether or not the row says so already. */
  readonly state: 'open' | 'captured' | 'voided' | 'expired';
  readonly reference: string | undefined;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly concludedAt: Date | undefined;
}

/** @throws Fault `HOLD_NOT_FOUND` where this transaction sees no such hold */
export async function readHold(sql: Sql, id: string): Promise<Hold> {
  const [hold] = await readHolds(sql, [id]);
  if (hold === undefined) throw new Fault('HOLD_NOT_FOUND', { id });
  return hold;
}

/** One page of the holds on the money of wallets, the newest first: of each account no more is read than the page holds. */
export async function listHolds(sql: Sql, page: WalletPage): Promise<readonly Hold[]> {
  const { walletIds, before = lastId, limit } = page;
  const found = await sql<{ id: string }>`
    SELECT found.id FROM account CROSS JOIN LATERAL (
      SELECT id FROM hold WHERE account_id = account.id AND id < ${before}::uuid ORDER BY id DESC LIMIT ${limit}
    ) AS found
    WHERE account.kind = 'merchant_available' AND account.owner = ANY (${walletIds}::text[])
    ORDER BY found.id DESC LIMIT ${limit}`;
  return readHolds(
    sql,
    found.map(({ id }) => id),
  );
}

async function readHolds(sql: Sql, ids: readonly string[]): Promise<readonly Hold[]> {
  const rows = await sql<HoldRow>`
    SELECT hold.id, account.kind, account.owner, asset.network, asset.token, hold.amount, hold.captured, hold.state,
      coalesce(hold.concluded_at, clock_timestamp()) >= hold.expires_at AS late,
      hold.reference, hold.created_at AS "createdAt", hold.expires_at AS "expiresAt", hold.concluded_at AS "concludedAt"
    FROM hold
    JOIN account ON account.id = hold.account_id
    JOIN asset ON asset.id = hold.asset_id
    WHERE hold.id = ANY (${ids}::uuid[])
    ORDER BY hold.id DESC`;
  return rows.map(holdOf);
}

interface HoldRow {
  readonly id: string;
  readonly kind: AccountKind;
  readonly owner: string;
  readonly network: Network;
  readonly token: string;
  readonly amount: bigint;
  readonly captured: bigint;
  readonly state: 'open' | 'captured' | 'voided';
  readonly late: boolean;
  readonly reference: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly concludedAt: Date | null;
}

function holdOf(row: HoldRow): Hold {
  const { id, createdAt, expiresAt } = row;
  return {
    id,
    account: { kind: row.kind, owner: row.owner },
    asset: { network: row.network, token: row.token },
    amount: amount(row.amount),
    captured: amount(row.captured),
    state: row.late && row.state !== 'captured' ? 'expired' : row.state,
    reference: row.reference ?? undefined,
    createdAt,
    expiresAt,
    concludedAt: row.concludedAt ?? undefined,
  };
}
