import type { Sql } from '@tollkeeper/database';
import { type Asset, Fault } from '@tollkeeper/protocol';
import type { AccountKind } from './chart-of-accounts.js';
import type { AccountName } from './posting.js';

/** An account's rows, by which the database knows it and its asset. */
export interface OpenAccount {
  readonly id: bigint;
  readonly asset: number;
}

/** An account and the asset it is in. */
export interface AccountOfAsset {
  readonly account: AccountName;
  readonly asset: Asset;
}

/** Looks up an account among those that were opened. */
export type FindAccount = (account: AccountName, asset: Asset) => OpenAccount;

/**
 * Finds accounts, all in one statement, and opens those that are new.
 * @returns how to look each of them up
 */
export async function openAccounts(sql: Sql, wanted: readonly AccountOfAsset[]): Promise<FindAccount> {
  const distinct = [...new Map(wanted.map((each) => [nameOf(each), each])).values()];
  const found = new Map<string, OpenAccount>();
  await find(sql, distinct, found);
  const missing = distinct.filter((each) => !found.has(nameOf(each)));
  if (missing.length > 0) {
    await open(sql, missing);
    await find(sql, missing, found);
  }
  return (account, asset) => {
    const known = found.get(nameOf({ account, asset }));
    if (known === undefined) throw new Fault('INTERNAL', { problem: 'an account that could not be opened' });
    return known;
  };
}

/** No text of the database holds the character between them. */
function nameOf({ account, asset }: AccountOfAsset): string {
  return `${account.kind}\0${asset.network}\0${asset.token}\0${account.owner}`;
}

async function find(sql: Sql, wanted: readonly AccountOfAsset[], found: Map<string, OpenAccount>): Promise<void> {
  if (wanted.length === 0) return;
  const rows = await sql<OpenAccount & AccountName & Asset>`
    SELECT account.id, account.asset_id AS asset, wanted.kind, wanted.owner, wanted.network, wanted.token
    FROM unnest(
      ${wanted.map(({ account }) => account.kind)}::text[], ${wanted.map(({ account }) => account.owner)}::text[],
      ${wanted.map(({ asset }) => asset.network)}::text[], ${wanted.map(({ asset }) => asset.token)}::text[]
    ) AS wanted (kind, owner, network, token)
    JOIN asset ON asset.network = wanted.network AND asset.token = wanted.token
    JOIN account ON account.kind = wanted.kind AND account.asset_id = asset.id AND account.owner = wanted.owner`;
  for (const { id, asset, kind, owner, network, token } of rows) {
    found.set(nameOf({ account: { kind, owner }, asset: { network, token } }), { id, asset });
  }
}

/** In one order for everybody, so that two who open the same accounts do not wait for each other in a circle. */
async function open(sql: Sql, missing: readonly AccountOfAsset[]): Promise<void> {
  const kinds: readonly AccountKind[] = missing.map(({ account }) => account.kind);
  const networks = missing.map(({ asset }) => asset.network);
  const tokens = missing.map(({ asset }) => asset.token);
  await sql`
    INSERT INTO asset (network, token)
    SELECT DISTINCT wanted.network, wanted.token FROM unnest(${networks}::text[], ${tokens}::text[]) AS wanted (network, token)
    WHERE NOT EXISTS (SELECT FROM asset WHERE asset.network = wanted.network AND asset.token = wanted.token)
    ORDER BY wanted.network, wanted.token
    ON CONFLICT DO NOTHING`;
  await sql`
    INSERT INTO account (kind, asset_id, owner)
    SELECT wanted.kind, asset.id, wanted.owner
    FROM unnest(
      ${kinds}::text[], ${missing.map(({ account }) => account.owner)}::text[], ${networks}::text[], ${tokens}::text[]
    ) AS wanted (kind, owner, network, token)
    JOIN asset ON asset.network = wanted.network AND asset.token = wanted.token
    ORDER BY wanted.kind, asset.id, wanted.owner
    ON CONFLICT DO NOTHING`;
}
