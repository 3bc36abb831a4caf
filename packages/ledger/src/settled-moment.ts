import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '@tollkeeper/database';
import { Fault } from '@tollkeeper/protocol';

/** A moment as the database has it, in microseconds: `2026-11-21T02:30:52.123456Z`. A `Date` would lose the last three digits. */
export type Moment = string;

const settleMs = 2_000;
const pauseMs = 5;

/**
 * The present, or `wanted` where that is earlier, once all that was posted before it is visible. A leg is dated after its
 * transaction took its id; so it is enough to wait for the transactions of this database that have one now, which takes
 * milliseconds. Other databases of the server have no part in it.
 * @throws Fault `STATEMENT_NOT_SETTLED` when one of them does not end in time
 */
export async function settledMoment(sql: Sql, wanted?: Date): Promise<Moment> {
  // The moment is taken first: whoever has no id by the next statement gets a later date.
  const [now] = await sql<{ moment: Moment }>`
    SELECT to_char(least(clock_timestamp(), ${wanted ?? null}::timestamptz), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS moment`;
  const [running] = await sql<{ ids: readonly string[] }>`
    SELECT coalesce(array_agg(backend_xid::text), '{}') AS ids FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xid IS NOT NULL`;
  let left = running?.ids ?? [];
  for (let waitedMs = 0; left.length > 0; waitedMs += pauseMs) {
    if (waitedMs > settleMs) throw new Fault('STATEMENT_NOT_SETTLED');
    await sleep(pauseMs);
    const rows = await sql<{ id: string }>`
      SELECT backend_xid::text AS id FROM pg_stat_activity
      WHERE datname = current_database() AND backend_xid::text = ANY(${left}::text[])`;
    left = rows.map(({ id }) => id);
  }
  if (now === undefined) throw new Fault('INTERNAL', { problem: 'a clock that did not answer' });
  return now.moment;
}
