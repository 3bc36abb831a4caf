import type { ExpirySweeper } from '@tollkeeper/ledger';
import { isFault } from '@tollkeeper/protocol';
import { createBackgroundWork, type BackgroundWork } from '../background-work.js';
import type { Logger } from '../logging/logger.js';

/**
 * Sweeps up expired holds and transfers now and then. Money is decided about without it; it brings the refunds that nobody
 * asks for.
 */
export function createExpirySweeps(parts: {
  readonly sweeper: ExpirySweeper;
  readonly log: Logger;
  readonly intervalMs: number;
}): BackgroundWork {
  return createBackgroundWork(async () => {
    await sweepOnce();
    return parts.intervalMs;
  });

  async function sweepOnce(): Promise<void> {
    try {
      const { holds, transfers, refused } = await parts.sweeper.sweep();
      if (holds + transfers > 0) parts.log.info({ holds, transfers }, 'expired holds and transfers put away');
      for (const { transferId, error } of refused) {
        parts.log.warn({ transferId, err: error }, 'an expired transfer could not be returned');
      }
    } catch (error) {
      if (!isFault(error, 'DATABASE_UNAVAILABLE')) parts.log.error({ err: error }, 'a sweep failed');
    }
  }
}
