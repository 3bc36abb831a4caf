import type { Sql } from '@tollkeeper/database';
import { Fault, isFault } from '@tollkeeper/protocol';
import { appendAudit } from '../audit/audit.js';

/** A tenant. */
export interface Merchant {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
}

/**
 * Makes a merchant, which only the operator does.
 * @throws Fault `MERCHANT_EXISTS`
 */
export async function insertMerchant(sql: Sql, { id, name }: { id: string; name: string }): Promise<Merchant> {
  const [merchant] = await sql<Merchant>`
    INSERT INTO merchant (id, name) VALUES (${id}::uuid, ${name}) ON CONFLICT (name) DO NOTHING
    RETURNING id, name, created_at AS "createdAt"`;
  if (merchant === undefined) throw new Fault('MERCHANT_EXISTS', { name });
  const created = { action: 'merchant.create', subject: id, after: merchant };
  await appendAudit(sql, { ...created, merchantId: id, actor: { kind: 'operator' } });
  return merchant;
}

/** The id of the merchant of this name; a new one takes the given id. */
export async function findOrInsertMerchant(sql: Sql, merchant: { id: string; name: string }): Promise<string> {
  const [known] = await sql<{ id: string }>`SELECT id FROM merchant WHERE name = ${merchant.name}`;
  if (known !== undefined) return known.id;
  try {
    return (await insertMerchant(sql, merchant)).id;
  } catch (error) {
    // Another process was quicker, and waited for: its merchant is there now.
    if (isFault(error, 'MERCHANT_EXISTS')) return (await findMerchant(sql, merchant.name)).id;
    throw error;
  }
}

/** @throws Fault `MERCHANT_NOT_FOUND` */
export async function findMerchant(sql: Sql, name: string): Promise<Merchant> {
  const [row] = await sql<Merchant>`SELECT id, name, created_at AS "createdAt" FROM merchant WHERE name = ${name}`;
  if (row === undefined) throw new Fault('MERCHANT_NOT_FOUND', { name });
  return row;
}

/** Every merchant, oldest first. */
export async function listMerchants(sql: Sql): Promise<readonly Merchant[]> {
  return sql<Merchant>`SELECT id, name, created_at AS "createdAt" FROM merchant ORDER BY created_at, id`;
}
