import { setTimeout as delay } from 'node:timers/promises';
import { sqlStateOf, type Database } from '@tollkeeper/database';
import { Fault, isFault } from '@tollkeeper/protocol';
import type { Posted } from './posting.js';

/** A transaction whose commit was not answered. */
export interface UnansweredCommit {
  /** Its PostgreSQL transaction id. */
  readonly xid: bigint;
  /** What it posted; a journal is there exactly if its transaction was committed. */
  readonly posted: readonly Posted[];
}

const PAUSE_MS = 50;
const INVALID_PARAMETER_VALUE = '22023';

/**
 * Finds out what became of a transaction whose commit was not answered, however long the server takes to come back.
 * @throws Fault `DATABASE_UNAVAILABLE` with `commit: 'unknown'` when nothing could be learnt until `timeoutMs` was over
 */
export async function fateOfCommit(
  database: Pick<Database, 'sql'>,
  { commit, timeoutMs }: { readonly commit: UnansweredCommit; readonly timeoutMs: number },
): Promise<'committed' | 'aborted'> {
  for (const giveUpAt = performance.now() + timeoutMs; ;) {
    const status = await statusOf(database, commit.xid);
    if (status === 'aborted') return 'aborted';
    if (status === 'committed') return (await isPosted(database, commit)) ? 'committed' : 'aborted';
    if (performance.now() >= giveUpAt) throw new Fault('DATABASE_UNAVAILABLE', { commit: 'unknown' });
    await delay(PAUSE_MS);
  }
}

/** Undefined while it is in progress, which the server may be some time after a connection broke, or while nobody answers. */
async function statusOf(database: Pick<Database, 'sql'>, xid: bigint): Promise<string | undefined> {
  try {
    const [row] = await database.sql<{ status: string | null }>`
      SELECT pg_xact_status(${xid}::text::xid8) AS status`;
    return row?.status === 'in progress' ? undefined : (row?.status ?? undefined);
  } catch (error) {
    // A server that lost the transaction altogether, as after a failover, has not come to its id yet.
    if (sqlStateOf(error) === INVALID_PARAMETER_VALUE && !isFault(error)) return 'aborted';
    if (isFault(error, 'DATABASE_UNAVAILABLE')) return undefined;
    throw error;
  }
}

/** The same id may stand for another transaction after a failover; the journal's id and own transaction tell them apart. */
async function isPosted(database: Pick<Database, 'sql'>, { xid, posted }: UnansweredCommit): Promise<boolean> {
  const fresh = posted.find(({ replayed }) => !replayed);
  if (fresh === undefined) return true;
  const rows = await database.sql`
    SELECT id FROM journal WHERE id = ${fresh.journalId} AND xid = ${xid}::text::xid8`;
  return rows.length > 0;
}
