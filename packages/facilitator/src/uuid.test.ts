import { expect, test } from 'vitest';
import { uuidv7 } from './uuid.js';

const at = (milliseconds: number) => ({ now: () => new Date(milliseconds) });

test('an id has the form of version 7 (RFC 9562, section 5.7)', () => {
  for (let n = 0; n < 1000; n += 1) {
    expect(uuidv7(at(n))).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});

test('it starts with the time, so that ids sort by age', () => {
  const times = [0, 1, 255, 65_536, 1_766_000_000_000, 1_766_000_000_001, 2 ** 47];
  const ids = times.map((time) => uuidv7(at(time)));
  expect([...ids].sort()).toEqual(ids);
  expect(ids.map((id) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16))).toEqual(times);
});

test('ids of one moment differ', () => {
  expect(new Set(Array.from({ length: 10_000 }, () => uuidv7(at(1_766_000_000_000)))).size).toBe(10_000);
});
