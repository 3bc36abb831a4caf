import { readMigrationFiles } from './migration-files.js';
import type { Sql } from './sql.js';

/** The names of the migrations that a database lacks, in order; empty when the service may start. */
export async function pendingMigrations(parts: { readonly sql: Sql; readonly folder?: string }): Promise<string[]> {
  const { sql } = parts;
  const files = await readMigrationFiles(parts.folder);
  const [table] = await sql<{ exists: boolean }>`SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists`;
  const applied = table?.exists === true ? await appliedMigrations(sql) : new Set<string>();
  return files.map((file) => file.name).filter((name) => !applied.has(name));
}

async function appliedMigrations(sql: Sql): Promise<Set<string>> {
  const rows = await sql<{ name: string }>`
    SELECT migration_name AS name FROM _prisma_migrations
    WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`;
  return new Set(rows.map((row) => row.name));
}
