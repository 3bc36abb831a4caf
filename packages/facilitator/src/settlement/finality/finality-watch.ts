import { setTimeout as sleep } from 'node:timers/promises';
import { createFinalityLook, type FinalityLookParts } from './finality-look.js';

/** A transaction that a reorg dropped is sought in every look at first, and later in every so many looks. */
const eagerSeconds = 600;
const looksPerThoroughOne = 100;
const foreverSeconds = 10 ** 9;

export interface FinalityWatch {
  start(): void;
  /** Finishes the step under way. What is unfinished stays in the database. */
  stop(): Promise<void>;
}

/**
 * Follows the effects of one network until they are final. Keeps nothing that a restart would need, and may run in any number
 * of processes at once.
 */
export function createFinalityWatch(parts: FinalityLookParts & { readonly pollMs: number }): FinalityWatch {
  const stopping = new AbortController();
  const look = createFinalityLook(parts);
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
    for (let looks = 0; !stopping.signal.aborted; looks += 1) {
      const reversedWithinSeconds = looks % looksPerThoroughOne === 0 ? foreverSeconds : eagerSeconds;
      await look({ reversedWithinSeconds, abort: stopping.signal });
      await sleep(parts.pollMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
}
