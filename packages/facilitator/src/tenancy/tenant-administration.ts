import type { Database } from '@tollkeeper/database';
import { Fault, type Clock } from '@tollkeeper/protocol';
import { appendAudit, type AuditedChange } from '../audit/audit.js';
import type { Environment } from '../config/config.js';
import { uuidv7 } from '../uuid.js';
import { mintApiKey } from './api-key-secret.js';
import { insertApiKey, listApiKeys, revokeApiKey, type ApiKey } from './api-keys.js';
import { findMerchant, insertMerchant, listMerchants, type Merchant } from './merchants.js';
import type { Permission } from './permissions.js';

/** More keys than a merchant keeps; a longer list is cut. */
const listedKeys = 10_000;

export type TenantAdministration = ReturnType<typeof createTenantAdministration>;

/**
 * What the operator does to tenants, by the command alone: no endpoint makes a merchant or its first key. Every change is one
 * transaction with its entry in the merchant's audit.
 */
export function createTenantAdministration(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly environment: Environment;
}) {
  const { database, clock } = parts;
  return { createMerchant, merchants: () => listMerchants(database.sql), createKey, keys, revokeKey };

  /** @throws Fault `MERCHANT_EXISTS` */
  async function createMerchant(name: string): Promise<Merchant> {
    return database.transaction((sql) => insertMerchant(sql, { id: uuidv7(clock), name }));
  }

  /**
   * Makes a key, whose secret is in this answer only.
   * @throws Fault `MERCHANT_NOT_FOUND`
   */
  async function createKey(wanted: {
    readonly merchant: string;
    readonly name: string;
    readonly permissions: readonly Permission[];
    readonly expiresAt: Date | null;
  }): Promise<ApiKey & { readonly secret: string }> {
    const { name, permissions, expiresAt } = wanted;
    const minted = mintApiKey(parts.environment);
    const created = await database.transaction(async (sql) => {
      const { id: merchantId } = await findMerchant(sql, wanted.merchant);
      const key = await insertApiKey(sql, {
        minted,
        key: { id: uuidv7(clock), merchantId, name, permissions, expiresAt },
      });
      await appendAudit(sql, byOperator(merchantId, { action: 'api_key.create', subject: key.id, after: key }));
      return key;
    });
    return { ...created, secret: minted.secret };
  }

  /** @throws Fault `MERCHANT_NOT_FOUND` */
  async function keys(merchant: string): Promise<readonly ApiKey[]> {
    const { id } = await findMerchant(database.sql, merchant);
    return listApiKeys(database.sql, { merchantId: id, after: null, limit: listedKeys });
  }

  /** @throws Fault `API_KEY_NOT_FOUND` */
  async function revokeKey(id: string): Promise<ApiKey> {
    return database.transaction(async (sql) => {
      const [owner] = await sql<{ merchantId: string }>`
        SELECT merchant_id AS "merchantId" FROM api_key WHERE id = ${id}::uuid`;
      if (owner === undefined) throw new Fault('API_KEY_NOT_FOUND', { id });
      const { before, after } = await revokeApiKey(sql, { merchantId: owner.merchantId, id });
      await appendAudit(sql, byOperator(owner.merchantId, { action: 'api_key.revoke', subject: id, before, after }));
      return after;
    });
  }
}

function byOperator(merchantId: string, change: AuditedChange) {
  return { ...change, merchantId, actor: { kind: 'operator' } } as const;
}
