import type { Sql } from '@tollkeeper/database';
import type { Asset, Network } from '@tollkeeper/protocol';

/** An account of a wallet, as its statement shows it. */
export interface WalletAccount {
  readonly id: bigint;
  readonly asset: Asset;
  readonly part: 'pending' | 'available';
}

/** What a wallet has in an asset, in minor units. */
export interface WalletMoney {
  /** Received, and not final on chain: a reorg may still take it back. */
  readonly pending: bigint;
  /** Its own. Holds are part of it until they are captured. */
  readonly available: bigint;
}

export const nothing: WalletMoney = { pending: 0n, available: 0n };

/** The accounts of a wallet, those of one token only if it is named. Two for each asset that it ever received. */
export async function findWalletAccounts(
  sql: Sql,
  wallet: { readonly id: string; readonly token?: string | undefined },
): Promise<readonly WalletAccount[]> {
  const rows = await sql<{ id: bigint; kind: string; network: Network; token: string }>`
    SELECT account.id, account.kind, asset.network, asset.token
    FROM account JOIN asset ON asset.id = account.asset_id
    WHERE account.owner = ${wallet.id} AND account.kind IN ('merchant_pending', 'merchant_available')
      AND (${wallet.token ?? null}::text IS NULL OR asset.token = ${wallet.token ?? null}
        OR asset.token LIKE '0x%' AND lower(asset.token) = lower(${wallet.token ?? null}))
    ORDER BY asset.network, asset.token, account.kind`;
  return rows.map(({ id, kind, network, token }) => ({
    id,
    asset: { network, token },
    part: kind === 'merchant_pending' ? 'pending' : 'available',
  }));
}
