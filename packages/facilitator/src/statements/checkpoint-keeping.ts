import type { StatementReader } from '@tollkeeper/ledger';
import { createBackgroundWork, type BackgroundWork } from '../background-work.js';
import type { Logger } from '../logging/logger.js';

/**
 * Adds up busy accounts now and then, so that no statement has to add up a long history. May run in any number of processes at
 * once: a checkpoint that two of them take is the same.
 */
export function createCheckpointKeeping(parts: {
  readonly reader: StatementReader;
  readonly log: Logger;
  readonly intervalMs: number;
}): BackgroundWork {
  const { reader, log, intervalMs } = parts;
  return createBackgroundWork(async () => {
    try {
      await reader.takeCheckpoints();
    } catch (error) {
      log.warn({ err: error }, 'busy accounts could not be added up; it is tried again');
    }
    return intervalMs;
  });
}
