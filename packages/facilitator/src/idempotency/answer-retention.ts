import type { Database } from '@tollkeeper/database';
import { createBackgroundWork } from '../background-work.js';
import type { Logger } from '../logging/logger.js';

/** A day more than what is promised, which the database enforces. */
const keptDays = 31;
const batch = 1_000;
const hourMs = 3_600_000;

/** Removes stored answers that nobody may ask for any more, a batch at a time and once an hour. */
export function createAnswerRetention(parts: { readonly database: Database; readonly log: Logger }) {
  const work = createBackgroundWork(async () => {
    await removeOld();
    return hourMs;
  });
  return { ...work, removeOld };

  async function removeOld(): Promise<void> {
    try {
      while ((await removeBatch()) === batch);
    } catch (error) {
      parts.log.warn({ err: error }, 'old answers could not be removed');
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
