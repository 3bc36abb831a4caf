import { randomBytes } from 'node:crypto';
import type { Database } from '@tollkeeper/database';

/**
 * The key that seals cursors and names journals: made once and kept in the database, so that every process reads the pages of
 * every other. It guards no money, because row security decides what a page may show.
 */
export async function loadCursorKey(database: Database): Promise<Uint8Array> {
  const fresh = randomBytes(32).toString('hex');
  await database.sql`INSERT INTO setting (name, value) VALUES ('cursor_key', ${fresh}) ON CONFLICT DO NOTHING`;
  const [row] = await database.sql<{ value: string }>`SELECT value FROM setting WHERE name = 'cursor_key'`;
  return Buffer.from(row?.value ?? fresh, 'hex');
}
