import { expect, test } from 'vitest';
import { withOriginalGenesis } from './genesis-cleaning.js';

const block = (number: number, timestamp: number): string =>
  `{"header":{"number":"0x${number.toString(16)}","timestamp":"0x${timestamp.toString(16)}"}}`;
const state = (...blocks: string[]): string => `{"best":18446744073709551615,"blocks":[${blocks.join(',')}],"more":1}`;

test.each([
  ['first', [block(0, 20), block(0, 10), block(1, 11)]],
  ['in the middle', [block(1, 11), block(0, 20), block(0, 10)]],
  ['last', [block(0, 10), block(1, 11), block(0, 20), block(0, 21)]],
])('younger genesis blocks are cut out when they stand %s', (_where, blocks) => {
  const kept = blocks.filter((text) => text === block(0, 10) || text === block(1, 11));
  expect(withOriginalGenesis(state(...blocks))).toBe(state(...kept));
});

test('a state with one genesis stays as it is, and a strange one is refused', () => {
  expect(withOriginalGenesis(state(block(0, 10)))).toBe(state(block(0, 10)));
  expect(() => withOriginalGenesis(state(block(0, 10), block(0, 20).replace(':', ': ')))).toThrow('anvil 1.7');
});
