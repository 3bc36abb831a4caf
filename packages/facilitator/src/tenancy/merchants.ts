import { isUniqueViolation, type Sql } from '@tollkeeper/database';
import { Fault } from '@tollkeeper/protocol';

/** A tenant. */
export interface Merchant {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
}

/** @throws Fault `MERCHANT_EXISTS` */
export async function insertMerchant(sql: Sql, { id, name }: { id: string; name: string }): Promise<Merchant> {
  try {
    const [row] = await sql<Merchant>`
      INSERT INTO merchant (id, name) VALUES (${id}::uuid, ${name}) RETURNING id, name, created_at AS "createdAt"`;
    if (row === undefined) throw new Fault('INTERNAL', { problem: 'an insert without its row' });
    return row;
  } catch (error) {
    if (isUniqueViolation(error)) throw new Fault('MERCHANT_EXISTS', { name });
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
