import { randomUUID } from 'node:crypto';
import { openDatabase } from '@tollkeeper/database';
import type { TenantService, TestTenant } from './tenant-service.js';

/** The id of one thing of each kind that belongs to a tenant, by the name that routes give to such an id. */
export async function thingsOf(service: TenantService, tenant: TestTenant): Promise<Record<string, string>> {
  const role = decodeURIComponent(new URL(service.database.ownerUrl).username);
  const owner = await openDatabase({ url: service.database.ownerUrl, role, poolSize: 1, onWarning: () => undefined });
  const { sql } = owner;
  const [walletId, secondWalletId] = [randomUUID(), randomUUID()];
  try {
    for (const id of [walletId, secondWalletId]) {
      await sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${id}::uuid, ${tenant.id}::uuid, ${id})`;
    }
  } finally {
    await owner.close();
  }
  return { keyId: tenant.keyId, walletId };
}
