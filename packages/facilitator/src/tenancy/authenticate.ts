import type { IncomingHttpHeaders } from 'node:http';
import type { Database } from '@tollkeeper/database';
import { Fault } from '@tollkeeper/protocol';
import { hashOfApiKey } from './api-key-secret.js';
import type { KeyUse } from './key-use.js';
import type { Permission } from './permissions.js';
import type { Tenant } from './tenant.js';

export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Tenant>;

/**
 * Finds who presents a key: one indexed row for each request and no cache, so a revocation counts everywhere at once. The
 * database's clock decides about expiry.
 * @throws Fault `API_KEY_REQUIRED`, `API_KEY_UNKNOWN`, `API_KEY_REVOKED`, `API_KEY_EXPIRED`
 */
export function createAuthenticate(parts: { readonly database: Database; readonly keyUse: KeyUse }): Authenticate {
  const { sql } = parts.database;

  return async function authenticate(headers) {
    const presented = presentedKey(headers);
    if (presented === undefined) throw new Fault('API_KEY_REQUIRED');
    const [row] = await sql<KeyRow>`
      SELECT id, merchant_id AS "merchantId", permissions, expires_at AS "expiresAt", revoked_at IS NOT NULL AS revoked,
        coalesce(expires_at <= now(), false) AS expired
      FROM api_key WHERE hash = ${hashOfApiKey(presented)}`;
    if (row === undefined) throw new Fault('API_KEY_UNKNOWN');
    if (row.revoked) throw new Fault('API_KEY_REVOKED');
    if (row.expired) throw new Fault('API_KEY_EXPIRED');
    parts.keyUse.note(row.id);
    return {
      merchantId: row.merchantId,
      keyId: row.id,
      permissions: row.permissions,
      keyExpiresAt: row.expiresAt,
    };
  };
}

/** @throws Fault `PERMISSION_DENIED` */
export function requirePermission(tenant: Tenant, permission: Permission): void {
  if (tenant.permissions.includes(permission)) return;
  throw new Fault('PERMISSION_DENIED', { detail: `This needs a key with the permission "${permission}"` });
}

/** The key in `x-api-key`, or behind `Bearer` in `authorization`; undefined where neither is there. */
export function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const header = headers['x-api-key'];
  if (header !== undefined) return String(header).trim();
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

interface KeyRow {
  readonly id: string;
  readonly merchantId: string;
  readonly permissions: readonly Permission[];
  readonly expiresAt: Date | null;
  readonly revoked: boolean;
  readonly expired: boolean;
}
