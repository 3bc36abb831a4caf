import { setImmediate as nextTurn } from 'node:timers/promises';

/** A turn of the event loop that took less than this had nothing to do. */
const idleMs = 0.3;

/** Resolves after the first turn of the event loop in which this process had nothing to do, or at the deadline, by `performance.now()`. */
export async function idleTurn({ deadline }: { readonly deadline: number }): Promise<void> {
  for (;;) {
    const startedAt = performance.now();
    if (startedAt >= deadline) return;
    await nextTurn();
    if (performance.now() - startedAt < idleMs) return;
  }
}
