import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { type Connection, withConnection } from './connection.js';
import { isRetryableConflict } from './database-error.js';
import { createSql, type Sql } from './sql.js';

const ATTEMPTS = 5;
const LONGEST_PAUSE_MS = 20;

/**
 * Runs `work` in one READ COMMITTED transaction and commits when it returns.
 *
 * After a deadlock or a serialization failure the whole work runs again, a bounded number of times, so it must do nothing
 * but SQL. A commit whose answer was lost is `DATABASE_UNAVAILABLE` with `commit: 'unknown'` and is never repeated here.
 */
export async function runTransaction<T>(pool: Pool, work: (sql: Sql) => Promise<T>): Promise<T> {
  return againAfterConflicts(() => withConnection(pool, (connection) => attemptOn(connection, work)));
}

/** Runs again what a deadlock or a serialization failure has undone as a whole, a bounded number of times. */
export async function againAfterConflicts<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt === ATTEMPTS || !isRetryableConflict(error)) throw error;
      await delay(Math.random() * LONGEST_PAUSE_MS * attempt);
    }
  }
}

async function attemptOn<T>(connection: Connection, work: (sql: Sql) => Promise<T>): Promise<T> {
  await connection.command('BEGIN ISOLATION LEVEL READ COMMITTED');
  const session = openSession(connection);
  let result: T;
  try {
    result = await work(session.sql);
    session.end();
  } catch (error) {
    session.abandon();
    if (!connection.isLost()) await connection.command('ROLLBACK').catch(() => undefined);
    throw error;
  }
  const outcome = await connection.command('COMMIT', { commit: 'unknown' });
  if (outcome !== 'COMMIT') {
    throw new Error('Nothing was committed: a statement had failed and its error was not passed on');
  }
  return result;
}

/** The template for one attempt; it refuses statements once the attempt is over, lest they run in another transaction. */
function openSession(connection: Connection) {
  let open = true;
  let running = 0;
  const sql = createSql(async (statement) => {
    if (!open) throw new TypeError('This transaction is over');
    running += 1;
    try {
      return await connection.run(statement);
    } finally {
      running -= 1;
    }
  });
  const abandon = () => {
    open = false;
  };
  const end = () => {
    open = false;
    if (running > 0) throw new TypeError('The transaction ended before its statements did; await each of them');
  };
  return { sql, abandon, end };
}
