import { vi } from 'vitest';

/** Repeats an assertion until it holds, for as long as a busy machine may need. */
export function eventually<Result>(assertion: () => Result | Promise<Result>): Promise<Result> {
  return vi.waitFor(assertion, { timeout: 60_000, interval: 20 });
}
