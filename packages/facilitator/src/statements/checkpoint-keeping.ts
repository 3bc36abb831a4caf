import { setTimeout as sleep } from 'node:timers/promises';
import type { StatementReader } from '@tollkeeper/ledger';
import type { Logger } from '../logging/logger.js';

/** Adds up busy accounts now and then, so that no statement has to add up a long history. */
export interface CheckpointKeeping {
  start(): void;
  stop(): Promise<void>;
}

/** May run in any number of processes at once: a checkpoint that two of them take is the same. */
export function createCheckpointKeeping(parts: {
  readonly reader: StatementReader;
  readonly log: Logger;
  readonly intervalMs: number;
}): CheckpointKeeping {
  const { reader, log, intervalMs } = parts;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await reader.takeCheckpoints();
      } catch (error) {
        log.warn({ err: error }, 'busy accounts could not be added up; it is tried again');
      }
      await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
}
