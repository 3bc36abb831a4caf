import type { Sql } from '@tollkeeper/database';
import { Fault } from '@tollkeeper/protocol';
import { beforeEveryId } from '../uuid.js';
import type { MintedKey } from './api-key-secret.js';
import type { Permission } from './permissions.js';

/** A key as it may be shown: everything but the key. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly permissions: readonly Permission[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** What a new key is to be. */
export interface NewApiKey {
  readonly id: string;
  readonly merchantId: string;
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly expiresAt: Date | null;
}

/** Stores a key. An expiry in the past is refused, by the database's clock. */
export async function insertApiKey(sql: Sql, { minted, key }: { minted: MintedKey; key: NewApiKey }): Promise<ApiKey> {
  const [row] = await sql<ApiKey>`
    INSERT INTO api_key (id, merchant_id, name, prefix, hash, permissions, expires_at)
    SELECT ${key.id}::uuid, ${key.merchantId}::uuid, ${key.name}, ${minted.prefix}, ${minted.hash},
      ${key.permissions}::text[], ${key.expiresAt}::timestamptz
    WHERE coalesce(${key.expiresAt}::timestamptz > now(), true)
    RETURNING id, name, prefix, permissions, created_at AS "createdAt", expires_at AS "expiresAt",
      revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;
  if (row === undefined) throw new Fault('REQUEST_MALFORMED', { detail: 'body.expiresAt: must lie in the future' });
  return row;
}

/** Keys in the order of their creation, after the given id. As a tenant, those of the tenant. */
export async function listApiKeys(
  sql: Sql,
  page: { readonly merchantId: string; readonly after: string | null; readonly limit: number },
): Promise<readonly ApiKey[]> {
  return sql<ApiKey>`
    SELECT id, name, prefix, permissions, created_at AS "createdAt", expires_at AS "expiresAt",
      revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"
    FROM api_key
    WHERE merchant_id = ${page.merchantId}::uuid AND id > ${page.after ?? beforeEveryId}::uuid
    ORDER BY id LIMIT ${page.limit}`;
}

/**
 * Revokes a key, at once and for good; revoking it again changes nothing.
 * @throws Fault `API_KEY_NOT_FOUND` also for a key of another merchant
 */
export async function revokeApiKey(
  sql: Sql,
  which: { readonly merchantId: string; readonly id: string },
): Promise<{ readonly before: ApiKey; readonly after: ApiKey }> {
  const before = await lockApiKey(sql, which);
  if (before.revokedAt !== null) return { before, after: before };
  const [row] = await sql<{ revokedAt: Date }>`
    UPDATE api_key SET revoked_at = now() WHERE id = ${which.id}::uuid RETURNING revoked_at AS "revokedAt"`;
  if (row === undefined) throw new Fault('API_KEY_NOT_FOUND');
  return { before, after: { ...before, revokedAt: row.revokedAt } };
}

async function lockApiKey(sql: Sql, which: { merchantId: string; id: string }): Promise<ApiKey> {
  const [row] = await sql<ApiKey>`
    SELECT id, name, prefix, permissions, created_at AS "createdAt", expires_at AS "expiresAt",
      revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"
    FROM api_key WHERE id = ${which.id}::uuid AND merchant_id = ${which.merchantId}::uuid FOR UPDATE`;
  if (row === undefined) throw new Fault('API_KEY_NOT_FOUND');
  return row;
}
