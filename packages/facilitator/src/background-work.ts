import { passes } from './passes.js';

/** Work that goes on behind the requests, until it is stopped. */
export interface BackgroundWork {
  /** Begins with the first round at once. Starting it again changes nothing. */
  start(): void;
  /** Ends the pause, and resolves when the round under way is over. */
  stop(): Promise<void>;
}

/**
 * Does one round after another, with pauses between them.
 * @param round must not throw; it answers how long to pause, and may look at `signal` to end early
 */
export function createBackgroundWork(round: (signal: AbortSignal) => Promise<number>): BackgroundWork {
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
    while (!stopping.signal.aborted) await passes(await round(stopping.signal), stopping.signal);
  }
}
