import { describe, expect, test } from 'vitest';
import { isTooDeep, maximumDepth } from './json-depth.js';

const objects = (depth: number): unknown => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
const arrays = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);

describe('a JSON value', () => {
  test.each([objects, arrays])('may nest as deep as the limit and no deeper', (nested) => {
    for (const depth of [0, 1, maximumDepth]) expect(isTooDeep(nested(Math.max(depth, 1)))).toBe(false);
    expect(isTooDeep(nested(maximumDepth + 1))).toBe(true);
  });

  test('without objects and arrays has no depth', () => {
    for (const value of [null, undefined, 0, '', 'x'.repeat(100_000), true]) expect(isTooDeep(value)).toBe(false);
  });

  test('is too deep wherever the depth hides, and is not walked to its end', () => {
    expect(isTooDeep({ shallow: [1, 2], wide: Array.from({ length: 10_000 }, () => ({})), deep: arrays(17) })).toBe(
      true,
    );
    // As deep as 64 KiB of brackets; far deeper than a stack reaches.
    expect(isTooDeep(arrays(5_000))).toBe(true);
    let endless: unknown = [];
    for (let depth = 0; depth < 1_000_000; depth += 1) endless = [endless];
    expect(isTooDeep(endless)).toBe(true);
  });

  test('that is wide is not deep', () => {
    expect(isTooDeep(Array.from({ length: 20_000 }, (_, index) => ({ index })))).toBe(false);
  });
});
