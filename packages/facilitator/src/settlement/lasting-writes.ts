import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../logging/logger.js';

const firstPauseMs = 100;
const longestPauseMs = 2_000;

/** A small write that no caller waits for, and that an outage of the database must not lose. */
export interface LastingWrite {
  readonly paymentId: string;
  /** What the log says when it fails at first. */
  readonly trouble: string;
  readonly run: () => Promise<void>;
}

/** Tries each write until it succeeds, or until it failed once more after the process was told to stop. */
export interface LastingWrites {
  write(write: LastingWrite): Promise<void>;
  /** Tries everything that is left once more, at once, and resolves when nothing is under way. */
  stop(): Promise<void>;
}

export function createLastingWrites({ log }: { readonly log: Logger }): LastingWrites {
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  // One for each write that waits; an outage of the database makes many of them.
  setMaxListeners(0, stopping.signal);
  return {
    async write(write) {
      const writing = persist(write);
      underWay.add(writing);
      await writing;
      underWay.delete(writing);
    },
    async stop() {
      stopping.abort();
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };

  async function persist({ paymentId, trouble, run }: LastingWrite): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const isLast = stopping.signal.aborted;
      try {
        await run();
        return;
      } catch (error) {
        if (pauseMs === firstPauseMs || isLast) log.error({ err: error, paymentId }, trouble);
        if (isLast) return;
      }
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
}
