import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One file of `prisma/migrations/<utc>_<what>/migration.sql`. */
export interface MigrationFile {
  readonly name: string;
  readonly sql: string;
  /** sha256 of the file in hexadecimal, which is what Prisma records. */
  readonly checksum: string;
  /** Whether the file and its record are one transaction; most are. */
  readonly transactional: boolean;
}

/**
 * A file that starts with this line runs outside a transaction, for statements that refuse one such as
 * `CREATE INDEX CONCURRENTLY`. It must hold exactly one statement, because several sent together are a transaction again.
 */
const WITHOUT_TRANSACTION = '-- tollkeeper: without transaction';

/** `prisma/migrations` of this repository: `src` and `dist` lie at the same depth below it. */
const migrationsFolder = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

/** Reads the migrations of a folder in the order in which they apply. */
export async function readMigrationFiles(folder: string = migrationsFolder): Promise<MigrationFile[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(names.sort().map((name) => readMigrationFile(folder, name)));
}

async function readMigrationFile(folder: string, name: string): Promise<MigrationFile> {
  const bytes = await readFile(join(folder, name, 'migration.sql'));
  const sql = bytes.toString('utf8');
  const checksum = createHash('sha256').update(bytes).digest('hex');
  return { name, sql, checksum, transactional: !sql.startsWith(WITHOUT_TRANSACTION) };
}
