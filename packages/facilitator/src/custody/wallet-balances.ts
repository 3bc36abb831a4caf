import type { Sql } from '@tollkeeper/database';
import { Fault, type Network } from '@tollkeeper/protocol';

/** What a wallet holds of one asset, in minor units. All that it has is the sum of the three. */
export interface WalletBalance {
  readonly network: Network;
  readonly asset: string;
  /** Received, and not final on chain: a reorg may still take it back. */
  readonly pending: bigint;
  /** What it may spend now. */
  readonly available: bigint;
  /** Its own, and reserved by holds that are open. */
  readonly held: bigint;
}

/**
 * The balances of a wallet, one row of the database for each account, however long its history is.
 * @throws Fault `WALLET_NOT_FOUND` where this transaction sees no such wallet
 */
export async function readBalances(sql: Sql, walletId: string): Promise<readonly WalletBalance[]> {
  const found = await sql`SELECT FROM wallet WHERE id = ${walletId}::uuid`;
  if (found.length === 0) throw new Fault('WALLET_NOT_FOUND', { walletId });
  return sql<WalletBalance>`
    WITH money AS (
      SELECT account.kind, account.asset_id, balance.credit - balance.debit AS balance,
        -- Holds that have expired hold nothing any more, whether or not somebody has swept them up.
        CASE WHEN balance.held = 0 THEN 0 ELSE balance.held - (
          SELECT coalesce(sum(hold.amount), 0) FROM hold
          WHERE hold.account_id = account.id AND hold.state = 'open' AND hold.expires_at <= clock_timestamp()
        ) END AS held
      FROM account JOIN balance ON balance.account_id = account.id
      WHERE account.owner = ${walletId} AND account.kind IN ('merchant_pending', 'merchant_available')
    )
    SELECT asset.network, asset.token AS asset,
      coalesce(sum(money.balance) FILTER (WHERE money.kind = 'merchant_pending'), 0) AS pending,
      coalesce(sum(money.balance - money.held) FILTER (WHERE money.kind = 'merchant_available'), 0) AS available,
      sum(money.held) AS held
    FROM money JOIN asset ON asset.id = money.asset_id
    GROUP BY asset.network, asset.token
    ORDER BY asset.network, asset.token`;
}
