import type { Database } from '@tollkeeper/database';
import type { Asset, Network, TokenHolder } from '@tollkeeper/protocol';

/** The assets that are configured, and those that the ledger ever saw. */
export async function knownAssets({ sql }: Database, configured: readonly Asset[]): Promise<readonly Asset[]> {
  return sql<Asset>`
    SELECT network, token FROM asset
    UNION
    SELECT * FROM unnest(${configured.map(({ network }) => network)}::text[], ${configured.map(({ token }) => token)}::text[])
      AS configured (network, token)
    ORDER BY 1, 2`;
}

/**
 * Every address in our custody with every asset that it may hold: what is configured, and what the ledger ever had in custody,
 * which leaves out the native coin that it books as costs.
 */
export async function findCustodyHolders(
  { sql }: Database,
  configured: readonly Asset[],
): Promise<readonly TokenHolder[]> {
  const rows = await sql<{ network: Network; token: string; owner: string }>`
    WITH held AS (
      SELECT DISTINCT asset.network, asset.token
      FROM account JOIN asset ON asset.id = account.asset_id
      WHERE account.kind IN ('custody', 'treasury')
      UNION
      SELECT * FROM unnest(${configured.map(({ network }) => network)}::text[], ${configured.map(({ token }) => token)}::text[])
        AS configured (network, token)
    )
    SELECT deposit_address.network, held.token, deposit_address.address AS owner
    FROM deposit_address JOIN held ON held.network = deposit_address.network
    UNION
    SELECT asset.network, asset.token, account.owner
    FROM account JOIN asset ON asset.id = account.asset_id
    WHERE account.kind IN ('custody', 'treasury')
    ORDER BY 1, 2, 3`;
  return rows.map(({ network, token, owner }) => ({ asset: { network, token }, owner }));
}

/** An address and the block as of which it is asked for. */
export interface HolderAtBlock extends TokenHolder {
  readonly blockNumber: bigint;
}

/**
 * What the ledger has at each address as of a block, in the order given: what it has now, less the money of later blocks. Only
 * effects change what is in custody, so whatever was booked there without one shows as a difference.
 */
export async function custodyAsOf({ sql }: Database, holders: readonly HolderAtBlock[]): Promise<readonly bigint[]> {
  const rows = await sql<{ amount: bigint }>`
    WITH asked AS (
      SELECT asked.ordinal, asked.network, asked.owner, asked.block_number, asset.id AS asset_id
      FROM unnest(
        ${holders.map(({ asset }) => asset.network)}::text[],
        ${holders.map(({ asset }) => asset.token)}::text[],
        ${holders.map(({ owner }) => owner)}::text[],
        ${holders.map(({ blockNumber }) => blockNumber)}::numeric[]
      ) WITH ORDINALITY AS asked (network, token, owner, block_number, ordinal)
      LEFT JOIN asset ON asset.network = asked.network AND asset.token = asked.token
    ), booked AS (
      SELECT asked.ordinal, sum(balance.debit - balance.credit) AS amount
      FROM asked
      JOIN account ON account.asset_id = asked.asset_id AND account.owner = asked.owner
        AND account.kind IN ('custody', 'treasury')
      JOIN balance ON balance.account_id = account.id
      GROUP BY asked.ordinal
    ), later AS (
      SELECT asked.ordinal, sum(effect.amount) AS amount
      FROM asked
      JOIN effect ON effect.network = asked.network AND effect.block_number > asked.block_number
        AND effect.asset_id = asked.asset_id AND effect.recipient = asked.owner
      WHERE effect.reversed_at IS NULL AND effect.journal_id IS NOT NULL
      GROUP BY asked.ordinal
    )
    SELECT coalesce(booked.amount, 0) - coalesce(later.amount, 0) AS amount
    FROM asked LEFT JOIN booked USING (ordinal) LEFT JOIN later USING (ordinal)
    ORDER BY asked.ordinal`;
  return rows.map(({ amount }) => amount);
}
