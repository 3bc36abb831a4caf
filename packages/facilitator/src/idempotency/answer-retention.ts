import type { Database } from '@tollkeeper/database';
import { createBackgroundWork } from '../background-work.js';
import type { Logger } from '../logging/logger.js';
import { auditUnanswered } from './settlement-records.js';

/** A day more than what is promised, which the database enforces. */
const keptDays = 31;
const batch = 1_000;
const pauseMs = 600_000;

/**
 * Every ten minutes, a batch at a time: tells the audit of settlements that nobody answered, and removes stored answers that
 * nobody may ask for any more.
 */
export function createAnswerRetention(parts: { readonly database: Database; readonly log: Logger }) {
  const work = createBackgroundWork(async () => {
    await lookAfter();
    return pauseMs;
  });
  return { ...work, lookAfter };

  async function lookAfter(): Promise<void> {
    try {
      while ((await auditUnanswered(parts.database, batch)) === batch);
      while ((await removeBatch()) === batch);
    } catch (error) {
      parts.log.warn({ err: error }, 'stored answers could not be looked after; it is tried again');
    }
  }

  async function removeBatch(): Promise<number> {
    const removed = await parts.database.sql`
      DELETE FROM idempotency
      WHERE (merchant_id, route, key) IN (
        SELECT merchant_id, route, key FROM idempotency
        WHERE created_at < now() - make_interval(days => ${keptDays}) ORDER BY created_at LIMIT ${batch}
      )
      RETURNING 1 AS removed`;
    return removed.length;
  }
}
