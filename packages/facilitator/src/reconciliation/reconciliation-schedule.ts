import type { Database } from '@tollkeeper/database';
import type { Logger } from '../logging/logger.js';
import type { Reconcile } from './reconcile.js';

/** A turn that was taken and not finished after this time, because its process died, is given again. */
const turnSeconds = 900;

/** What could not be compared is tried again sooner than the next turn. */
const retrySeconds = 60;

const longestTickMs = 15_000;

/** Runs a reconciliation whenever one is due. Of several processes the one that moves the due time on runs it. */
export function createReconciliationSchedule(parts: {
  readonly database: Database;
  readonly reconcile: Reconcile;
  readonly intervalSeconds: number;
  readonly log: Logger;
}) {
  const { sql } = parts.database;
  const { intervalSeconds, log } = parts;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  return { start, stop, runIfDue };

  /** The first turn comes an interval after the first process has started. */
  async function start(): Promise<void> {
    await sql`
      INSERT INTO reconciliation_turn (due_at) VALUES (now() + make_interval(secs => ${intervalSeconds}))
      ON CONFLICT (singleton) DO UPDATE SET due_at = least(reconciliation_turn.due_at, excluded.due_at)`;
    const tickMs = Math.min(longestTickMs, (intervalSeconds * 1_000) / 4);
    timer = setInterval(() => {
      running ??= tick().finally(() => {
        running = undefined;
      });
    }, tickMs).unref();
  }

  async function stop(): Promise<void> {
    clearInterval(timer);
    await running;
  }

  async function tick(): Promise<void> {
    try {
      await runIfDue();
    } catch (error) {
      log.warn({ err: error }, 'a scheduled reconciliation failed');
    }
  }

  /** Answers whether it was due and this process ran it. */
  async function runIfDue(): Promise<boolean> {
    const taken = await sql`
      UPDATE reconciliation_turn SET due_at = clock_timestamp() + make_interval(secs => ${turnSeconds})
      WHERE due_at <= clock_timestamp() RETURNING due_at`;
    if (taken.length === 0) return false;
    const report = await parts.reconcile('schedule');
    const { outcome, compared, differing, discrepancyRate, frozen } = report;
    const facts = { reconciliationId: report.id.toString(), outcome, compared, differing, discrepancyRate };
    if (outcome === 'clean') log.info(facts, 'the books agree with themselves and the chains');
    else if (outcome === 'incomplete') log.warn(facts, 'the books could not be compared completely');
    else log.error({ ...facts, frozen }, 'the books differ; the outflows of these assets are frozen');
    const nextSeconds = outcome === 'incomplete' ? Math.min(retrySeconds, intervalSeconds) : intervalSeconds;
    await sql`UPDATE reconciliation_turn SET due_at = clock_timestamp() + make_interval(secs => ${nextSeconds})`;
    return true;
  }
}
