import { expect, test } from 'vitest';
import { createBoundedCache } from './bounded-cache.js';

test('remembers what was set last', () => {
  const cache = createBoundedCache<number>(10);
  cache.set('a', 1);
  cache.set('a', 2);
  expect(cache.get('a')).toBe(2);
  expect(cache.get('b')).toBeUndefined();
});

test('a new value outlives the old one, whatever leaves', () => {
  const cache = createBoundedCache<number>(4);
  for (let round = 0; round < 9; round += 1) {
    cache.set('a', round);
    cache.set(`other ${String(round)}`, 0);
    expect(cache.get('a')).toBe(round);
  }
});

test('keeps what is used and never more than its limit', () => {
  const cache = createBoundedCache<number>(100);
  cache.set('used', 1);
  for (let index = 0; index < 10_000; index += 1) {
    cache.set(`key ${String(index)}`, index);
    expect(cache.get('used')).toBe(1);
  }
  const kept = Array.from({ length: 10_000 }, (_, index) => cache.get(`key ${String(index)}`));
  const count = kept.filter((value) => value !== undefined).length;
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThanOrEqual(100);
});
