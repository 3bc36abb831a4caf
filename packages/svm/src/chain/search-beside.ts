import { setTimeout as sleep } from 'node:timers/promises';
import { isFault, type Observation, type ObservedTransaction } from '@tollkeeper/protocol';
import { createBoundedCache } from '../bounded-cache.js';

/** Looks in the history for transactions that the recent statuses lack. What is not in the answer, by id, is pending. */
export type FindOlder = (missing: readonly ObservedTransaction[]) => Promise<ReadonlyMap<string, Observation>>;

/** How long whoever begins a search waits for it. The usual search is over by then. */
const patienceMs = 500;

/** The oldest are forgotten: somebody else has concluded what they were for. */
const remembered = 4096;

/**
 * Searches the history beside the looks that ask for it, once at a time: a transaction is pending as long as a search goes on, so
 * that a node that is slow there, or hangs, holds up no other. What was found is told once.
 */
export function createSearchBeside(parts: {
  readonly find: FindOlder;
  readonly onFailure: (trouble: string) => void;
}): FindOlder {
  const found = createBoundedCache<Observation>(remembered);
  let running: Promise<void> | undefined;

  return async (missing) => {
    const unknown = missing.filter(({ id }) => found.get(id) === undefined);
    if (unknown.length > 0 && running === undefined) {
      running = search(unknown);
      await waitFor(running);
    }
    return new Map(missing.flatMap(({ id }) => take(id)));
  };

  /** Never throws: what could not be searched for is searched for again. */
  async function search(missing: readonly ObservedTransaction[]): Promise<void> {
    try {
      for (const [id, observation] of await parts.find(missing)) found.set(id, observation);
    } catch (error) {
      parts.onFailure(isFault(error) ? String(error.facts['trouble'] ?? error.code) : String(error));
    } finally {
      running = undefined;
    }
  }

  function take(id: string): readonly (readonly [string, Observation])[] {
    const observation = found.get(id);
    found.delete(id);
    return observation === undefined ? [] : [[id, observation]];
  }
}

async function waitFor(work: Promise<void>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, sleep(patienceMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
}
