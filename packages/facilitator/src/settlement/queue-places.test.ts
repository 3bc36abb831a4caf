import type { Network } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { createQueuePlaces } from './queue-places.js';

const [base, solana] = ['eip155:8453', 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp'] as [Network, Network];

test('as many places are given as there are, and one that is given back is given again', () => {
  const places = createQueuePlaces(2);
  const [first, second] = [places.take(base), places.take(base)];
  expect([first, second]).not.toContain(undefined);
  expect(places.take(base)).toBeUndefined();
  expect(places.taken(base)).toBe(2);
  first?.();
  expect(places.taken(base)).toBe(1);
  expect(places.take(base)).toBeDefined();
});

test('a place that is given back twice counts once', () => {
  const places = createQueuePlaces(2);
  const first = places.take(base);
  places.take(base);
  first?.();
  first?.();
  expect(places.taken(base)).toBe(1);
});

test('a network without a place left leaves those of another alone', () => {
  const places = createQueuePlaces(1);
  places.take(solana);
  expect(places.take(solana)).toBeUndefined();
  expect(places.take(base)).toBeDefined();
});
