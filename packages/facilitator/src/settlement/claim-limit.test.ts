import type { Network } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { createClaimLimit } from './claim-limit.js';

const [base, solana] = ['eip155:8453', 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp'] as [Network, Network];

test('as many places are given as there are, and one that is given back is given again', () => {
  const limit = createClaimLimit(2);
  const [first, second] = [limit.take(base), limit.take(base)];
  expect([first, second]).not.toContain(undefined);
  expect(limit.take(base)).toBeUndefined();
  expect(limit.taken(base)).toBe(2);
  first?.();
  expect(limit.taken(base)).toBe(1);
  expect(limit.take(base)).toBeDefined();
});

test('a place that is given back twice counts once', () => {
  const limit = createClaimLimit(2);
  const first = limit.take(base);
  limit.take(base);
  first?.();
  first?.();
  expect(limit.taken(base)).toBe(1);
});

test('a network without a place left leaves those of another alone', () => {
  const limit = createClaimLimit(1);
  limit.take(solana);
  expect(limit.take(solana)).toBeUndefined();
  expect(limit.take(base)).toBeDefined();
});
