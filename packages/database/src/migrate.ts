import { randomUUID } from 'node:crypto';
import { Fault } from '@tollkeeper/protocol';
import pg from 'pg';
import { asConnectFault, asDatabaseFault } from './database-error.js';
import { appRole } from './database.js';
import { type MigrationFile, readMigrationFiles } from './migration-files.js';
import { createSql, runStatement, type Sql } from './sql.js';

/** What the runner needs. */
export interface MigrateParts {
  /** A login that owns the schema; for the first migration it must be allowed to create roles. */
  readonly ownerUrl: string;
  /** Where the migrations lie; those of this repository by default. */
  readonly folder?: string;
  readonly onApplied?: (name: string) => void;
}

/** What a run did. */
export interface MigrateResult {
  readonly applied: string[];
  /** How many had been applied before. */
  readonly already: number;
}

/** The lock that Prisma's own engine takes, so that the two never run at once. */
const PRISMA_ADVISORY_LOCK = 72_707_369;
const LOCK_TIMEOUT = '60s';

interface MigrationRecord {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

interface Runner {
  readonly client: pg.Client;
  readonly sql: Sql;
}

/**
 * Applies the pending migrations in order and records them in `_prisma_migrations` as Prisma does, so that
 * `prisma migrate deploy` and `status` agree. Each is one transaction with its record. A second runner waits for the first.
 *
 * Throws `MIGRATION_ALTERED` when an applied file changed, and `MIGRATIONS_PENDING` with the migration and the detail when
 * one fails or an earlier one without a transaction was left half done.
 */
export async function migrate(parts: MigrateParts): Promise<MigrateResult> {
  const files = await readMigrationFiles(parts.folder);
  const client = new pg.Client({ connectionString: parts.ownerUrl, application_name: 'tollkeeper migrate' });
  // A loss shows in the statement that it interrupts; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw asConnectFault(error);
  }
  try {
    const sql = createSql((statement) => runStatement(client, statement));
    return await runAll({ client, sql }, { files, onApplied: parts.onApplied });
  } catch (error) {
    throw asDatabaseFault(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function runAll(
  runner: Runner,
  parts: { files: readonly MigrationFile[]; onApplied: MigrateParts['onApplied'] },
): Promise<MigrateResult> {
  const { sql } = runner;
  await sql`SELECT set_config('lock_timeout', ${LOCK_TIMEOUT}, false)`;
  await sql`SELECT pg_advisory_lock(${PRISMA_ADVISORY_LOCK}::bigint)`;
  await createRecords(runner.client);
  const records = await sql<MigrationRecord>`
    SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL`;
  const pending = choosePending(parts.files, records);
  for (const file of pending) {
    await (file.transactional ? applyInTransaction(runner, file) : applyWithoutTransaction(runner, file));
    parts.onApplied?.(file.name);
  }
  await letAppReadRecords(runner);
  return { applied: pending.map((file) => file.name), already: parts.files.length - pending.length };
}

/** Prisma's own table, column for column. */
async function createRecords(client: pg.Client): Promise<void> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS _prisma_migrations (
      id varchar(36) PRIMARY KEY NOT NULL,
      checksum varchar(64) NOT NULL,
      finished_at timestamptz,
      migration_name varchar(255) NOT NULL,
      logs text,
      rolled_back_at timestamptz,
      started_at timestamptz NOT NULL DEFAULT now(),
      applied_steps_count integer NOT NULL DEFAULT 0
    )`);
}

function choosePending(files: readonly MigrationFile[], records: readonly MigrationRecord[]): MigrationFile[] {
  const unfinished = records.find((record) => record.finished_at === null);
  if (unfinished !== undefined) {
    const detail =
      'It was started and never finished: repair the schema by hand, then delete its row or set rolled_back_at';
    throw new Fault('MIGRATIONS_PENDING', { migration: unfinished.migration_name, detail });
  }
  const checksums = new Map(records.map((record) => [record.migration_name, record.checksum]));
  for (const file of files) {
    const applied = checksums.get(file.name);
    if (applied !== undefined && applied !== file.checksum)
      throw new Fault('MIGRATION_ALTERED', { migration: file.name });
  }
  return files.filter((file) => !checksums.has(file.name));
}

async function applyInTransaction({ client, sql }: Runner, file: MigrationFile): Promise<void> {
  try {
    await client.query('BEGIN');
    await sql`
      INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at)
      VALUES (${randomUUID()}, ${file.checksum}, ${file.name}, clock_timestamp())`;
    await client.query(file.sql);
    await finish(sql, file);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw failed(file, error);
  }
}

/** The record is there before the statement, so that one that died halfway is seen and not run a second time. */
async function applyWithoutTransaction({ client, sql }: Runner, file: MigrationFile): Promise<void> {
  await sql`
    INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at)
    VALUES (${randomUUID()}, ${file.checksum}, ${file.name}, clock_timestamp())`;
  try {
    await client.query(file.sql);
    await finish(sql, file);
  } catch (error) {
    const logs = error instanceof Error ? error.message : 'unknown';
    await sql`
      UPDATE _prisma_migrations SET logs = ${logs}
      WHERE migration_name = ${file.name} AND finished_at IS NULL`.catch(() => undefined);
    throw failed(file, error);
  }
}

async function finish(sql: Sql, file: MigrationFile): Promise<void> {
  await sql`
    UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1
    WHERE migration_name = ${file.name} AND finished_at IS NULL AND rolled_back_at IS NULL`;
}

function failed(file: MigrationFile, error: unknown): Fault {
  const fault = asDatabaseFault(error);
  if (fault instanceof Fault) return fault;
  const detail = error instanceof Error ? error.message : undefined;
  return new Fault('MIGRATIONS_PENDING', { migration: file.name, detail }, { cause: error });
}

/** The service asks at its start whether migrations are pending, with the rights of its own role. */
async function letAppReadRecords({ client, sql }: Runner): Promise<void> {
  const roles = await sql`SELECT 1 FROM pg_roles WHERE rolname = ${appRole}`;
  if (roles.length > 0) await client.query(`GRANT SELECT ON _prisma_migrations TO ${appRole}`);
}
