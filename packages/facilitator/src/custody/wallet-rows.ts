import { isCheckViolation, isUniqueViolation, type Sql } from '@tollkeeper/database';
import { Fault, type Network } from '@tollkeeper/protocol';
import { beforeEveryId } from '../uuid.js';

/** A merchant's wallet and the address on each network that belongs to it alone. */
export interface Wallet {
  readonly id: string;
  /** The merchant's name. */
  readonly merchant: string;
  readonly name: string;
  readonly createdAt: Date;
  /** Since when it receives nothing new; null while it is open. */
  readonly closedAt: Date | null;
  readonly addresses: readonly DepositAddress[];
}

export interface DepositAddress {
  readonly network: Network;
  readonly address: string;
  /** Whether it can receive already: on Solana its token accounts have to be created first. */
  readonly ready: boolean;
}

/** @throws Fault `WALLET_EXISTS`, `WALLET_QUOTA_REACHED` */
export async function insertWallet(
  sql: Sql,
  { id, merchantId, name }: { readonly id: string; readonly merchantId: string; readonly name: string },
): Promise<void> {
  try {
    await sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${id}::uuid, ${merchantId}::uuid, ${name})`;
  } catch (error) {
    if (isUniqueViolation(error)) throw new Fault('WALLET_EXISTS', { name }, { cause: error });
    if (isCheckViolation(error, 'wallet_quota')) throw new Fault('WALLET_QUOTA_REACHED', {}, { cause: error });
    throw error;
  }
}

/** @throws Fault `WALLET_NOT_FOUND` where this transaction sees no such wallet */
export async function readWallet(sql: Sql, id: string): Promise<Wallet> {
  const [wallet] = await readWallets(sql, [id]);
  if (wallet === undefined) throw new Fault('WALLET_NOT_FOUND', { walletId: id });
  return wallet;
}

/**
 * For what the database does not see as a transfer between wallets.
 * @throws Fault `WALLET_CLOSED`
 */
export async function requireOpenWallet(sql: Sql, id: string): Promise<void> {
  const closed = await sql`SELECT FROM wallet WHERE id = ${id}::uuid AND closed_at IS NOT NULL`;
  if (closed.length > 0) throw new Fault('WALLET_CLOSED');
}

/** Wallets in the order of their creation, after one of them. */
export async function listWallets(
  sql: Sql,
  page: { readonly after: string | null; readonly limit: number },
): Promise<readonly Wallet[]> {
  const rows = await sql<{ id: string }>`
    SELECT id FROM wallet WHERE id > ${page.after ?? beforeEveryId}::uuid ORDER BY id LIMIT ${page.limit}`;
  return readWallets(
    sql,
    rows.map(({ id }) => id),
  );
}

async function readWallets(sql: Sql, ids: readonly string[]): Promise<readonly Wallet[]> {
  return sql<Wallet>`
    SELECT wallet.id, merchant.name AS merchant, wallet.name, wallet.created_at AS "createdAt",
      wallet.closed_at AS "closedAt", coalesce(deposit.addresses, '[]') AS addresses
    FROM wallet
    JOIN merchant ON merchant.id = wallet.merchant_id
    LEFT JOIN LATERAL (
      SELECT jsonb_agg(jsonb_build_object('network', network, 'address', address, 'ready', NOT EXISTS (
        SELECT FROM deposit_account AS account
        WHERE account.network = deposit_address.network AND account.address = deposit_address.address
          AND account.ready_at IS NULL
      )) ORDER BY network) AS addresses
      FROM deposit_address WHERE wallet_id = wallet.id
    ) AS deposit ON true
    WHERE wallet.id = ANY(${ids}::uuid[])
    ORDER BY wallet.id`;
}

/**
 * Closes a wallet: it receives nothing new from now on. What it holds stays its owner's, and closing it again changes nothing.
 * @throws Fault `WALLET_NOT_FOUND`
 */
export async function closeWallet(sql: Sql, id: string): Promise<{ readonly before: Wallet; readonly after: Wallet }> {
  const before = await readWallet(sql, id);
  await sql`UPDATE wallet SET closed_at = now() WHERE id = ${id}::uuid AND closed_at IS NULL`;
  return { before, after: await readWallet(sql, id) };
}
