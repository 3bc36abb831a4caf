import { setTimeout as delay } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import { Fault } from '@tollkeeper/protocol';
import pg from 'pg';
import { withConnection } from './connection.js';
import { type ConnectionParts, connectionOptions } from './connection-options.js';
import { PrismaClient } from './generated/client.js';
import { listenForNotifications } from './notification-listener.js';
import { createSql, type Sql } from './sql.js';
import { againAfterConflicts, runTransaction } from './transaction.js';
import type { WarningSink } from './warning-sink.js';

/** One PostgreSQL database, seen with the rights of the application's role. */
export interface Database {
  /** The typed client on the same connections. Its first use costs about 30 MB of memory; hot paths use `sql`. */
  readonly prisma: PrismaClient;
  /** Runs one statement, which commits by itself, and again after a deadlock. */
  readonly sql: Sql;
  /**
   * Runs `work` in one READ COMMITTED transaction, again after a deadlock; `work` must do nothing but SQL. Statements that need
   * none of each other's rows may be started together (`Promise.all`): they are sent at once and run in the order of their start.
   */
  readonly transaction: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>;
  /** Calls back for each notification, and with an empty payload when some may have been missed. Answers how to stop. */
  readonly listen: (channel: string, onPayload: (payload: string) => void) => Promise<() => Promise<void>>;
  /** Whether the database answers now; throws `DATABASE_UNAVAILABLE` otherwise. */
  readonly check: () => Promise<void>;
  /** Returns when every connection is closed, or after a bounded wait for those in use. Safe to call again. */
  readonly close: () => Promise<void>;
}

/** What a database is opened with. */
export interface DatabaseParts {
  readonly url: string;
  readonly role?: string;
  readonly poolSize?: number;
  readonly applicationName?: string;
  readonly statementTimeoutMs?: number;
  readonly onWarning: WarningSink;
}

/** The role of the service in the first migration. */
export const appRole = 'tollkeeper_app';

const DEFAULT_POOL_SIZE = 10;
const DEFAULT_STATEMENT_TIMEOUT_MS = 15_000;
const IDLE_CONNECTION_MS = 30_000;
const CHECK_TIMEOUT_MS = 2_000;
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * Opens a pool whose every connection acts as the application's role, and proves both at once.
 *
 * Throws `DATABASE_UNAVAILABLE` when the server does not answer or another role would act, and `MIGRATIONS_PENDING` when
 * the role does not exist yet.
 */
export async function openDatabase(parts: DatabaseParts): Promise<Database> {
  const connection: ConnectionParts = {
    url: parts.url,
    role: parts.role ?? appRole,
    applicationName: parts.applicationName ?? 'tollkeeper',
    statementTimeoutMs: parts.statementTimeoutMs ?? DEFAULT_STATEMENT_TIMEOUT_MS,
  };
  const pool = openPool(connection, parts);
  const database = databaseOn(pool, { connection, onWarning: parts.onWarning });
  try {
    await requireRole(database.sql, connection.role);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

function openPool(connection: ConnectionParts, parts: DatabaseParts): pg.Pool {
  const options = connectionOptions(connection);
  const pool = new pg.Pool({
    ...options,
    pipeline: true,
    max: parts.poolSize ?? DEFAULT_POOL_SIZE,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
  });
  pool.on('error', (error) => parts.onWarning('An idle database connection was lost', error));
  return pool;
}

function databaseOn(pool: pg.Pool, parts: { connection: ConnectionParts; onWarning: WarningSink }): Database {
  const sql = createSql((statement) => againAfterConflicts(() => withConnection(pool, ({ run }) => run(statement))));
  const listeners = new Set<() => Promise<void>>();
  let prisma: PrismaClient | undefined;
  let closing: Promise<void> | undefined;

  async function listen(channel: string, onPayload: (payload: string) => void): Promise<() => Promise<void>> {
    const options = connectionOptions(parts.connection);
    const stop = await listenForNotifications({ options, channel, onPayload, onWarning: parts.onWarning });
    listeners.add(stop);
    return async () => {
      listeners.delete(stop);
      await stop();
    };
  }

  async function close(): Promise<void> {
    await Promise.all([...listeners].map((stop) => stop()));
    await prisma?.$disconnect();
    await within(CLOSE_TIMEOUT_MS, pool.end()).catch((error: unknown) => {
      parts.onWarning('Database connections were still in use when the pool was closed', error);
    });
  }

  return {
    get prisma() {
      return (prisma ??= new PrismaClient({ adapter: new PrismaPg(pool) }));
    },
    sql,
    transaction: (work) => runTransaction(pool, work),
    listen,
    check: async () => {
      await within(CHECK_TIMEOUT_MS, sql`SELECT 1`);
    },
    close: () => (closing ??= close()),
  };
}

/** A connection pooler in between may drop start-up options; acting as the login instead would void every privilege. */
async function requireRole(sql: Sql, role: string): Promise<void> {
  const [row] = await sql<{ role: string }>`SELECT current_user::text AS role`;
  if (row?.role === role) return;
  throw new Fault('DATABASE_UNAVAILABLE', { expectedRole: role, actualRole: row?.role });
}

async function within<T>(timeoutMs: number, pending: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const timeout = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Fault('DATABASE_UNAVAILABLE', { timeoutMs });
  });
  try {
    return await Promise.race([pending, timeout]);
  } finally {
    timer.abort();
    timeout.catch(() => undefined);
  }
}
