import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, and answers whether the time passed: false when `signal` fired first, or had fired. */
export async function passes(timeMs: number, signal: AbortSignal): Promise<boolean> {
  return sleep(timeMs, true, { signal }).catch(() => false);
}
