import type { Clock } from '@tollkeeper/protocol';
import { createBoundedCache } from '../bounded-cache.js';

/** How long nothing is searched for again: after its first search, and at most. */
const [firstPauseMs, longestPauseMs] = [2_000, 60_000];

/** More than are ever without a verdict; what is forgotten is merely searched for sooner. */
const remembered = 10_000;

/**
 * When to search the history for a transaction again. A search costs many calls, and a node that does not tell what became of a
 * transaction may not tell for hours, while everything in flight is looked at several times a second.
 */
export interface SearchPace {
  isDue(id: string): boolean;
  /** A search told nothing, or was not answered: the next one comes after a pause, twice as long as the one before. */
  slowDown(id: string): void;
  /** A search told what became of it. */
  forget(id: string): void;
}

export function createSearchPace(clock: Clock): SearchPace {
  const pauses = createBoundedCache<{ readonly untilMs: number; readonly lengthMs: number }>(remembered);
  const nowMs = () => clock.now().getTime();
  return {
    isDue(id) {
      const pause = pauses.get(id);
      return pause === undefined || nowMs() >= pause.untilMs;
    },
    slowDown(id) {
      const last = pauses.get(id)?.lengthMs;
      const lengthMs = last === undefined ? firstPauseMs : Math.min(2 * last, longestPauseMs);
      pauses.set(id, { untilMs: nowMs() + lengthMs, lengthMs });
    },
    forget: (id) => pauses.delete(id),
  };
}
