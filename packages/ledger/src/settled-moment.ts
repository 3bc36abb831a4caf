import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '@tollkeeper/database';
import { Fault } from '@tollkeeper/protocol';

/** A moment as the database has it, in microseconds: `2026-11-21T02:30:52.123456Z`. A `Date` would lose the last three digits. */
export type Moment = string;

const settleMs = 2_000;
const pauseMs = 5;

/**
 * The present, or `wanted` where that is earlier, once all that was posted before it is visible. A leg is dated after its
 * transaction took its id; so it is enough to wait for the transactions that have one now, which takes milliseconds.
 * @throws Fault `STATEMENT_NOT_SETTLED` when one of them does not end in time
 */
export async function settledMoment(sql: Sql, wanted?: Date): Promise<Moment> {
  // The moment is taken first, and the id by a later statement: whoever has a greater id gets a later date.
  const [now] = await sql<{ moment: Moment }>`
    SELECT to_char(least(clock_timestamp(), ${wanted ?? null}::timestamptz), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS moment`;
  const [newest] = await sql<{ id: string }>`SELECT pg_current_xact_id()::text AS id`;
  for (let waitedMs = 0; waitedMs <= settleMs; waitedMs += pauseMs) {
    const [row] = await sql<{ ended: boolean }>`
      SELECT pg_snapshot_xmin(pg_current_snapshot()) > ${newest?.id ?? ''}::xid8 AS ended`;
    if (row?.ended === true && now !== undefined) return now.moment;
    await sleep(pauseMs);
  }
  throw new Fault('STATEMENT_NOT_SETTLED');
}
