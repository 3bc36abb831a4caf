import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { secret } from './secret.js';

const hidden = secret('correct horse battery staple');
/** The secret as a line sees it that takes it for a number, the one thing that the linter lets into a text. */
const mistaken = hidden as unknown as number;

test('a secret is revealed to the one call that asks for it', () => {
  expect(hidden.reveal()).toBe('correct horse battery staple');
});

test.each<[string, () => string]>([
  ['String', () => String(mistaken)],
  ['a template', () => `${mistaken}`],
  ['concatenation', () => 'a '.concat(hidden as never)],
  ['toLocaleString', () => mistaken.toLocaleString()],
  ['JSON', () => JSON.stringify({ hidden })],
  ['inspect', () => inspect({ hidden }, { depth: 10, showHidden: true, getters: true })],
  ['inspect without custom printing', () => inspect(hidden, { customInspect: false, showHidden: true })],
  ['format', () => format('%s %o %O %j', hidden, hidden, hidden, hidden)],
  ['an error', () => inspect(new Error('failed', { cause: { hidden } }))],
  ['the message of an error', () => new Error(hidden as never).message],
  ['its own entries', () => JSON.stringify(Object.entries(hidden))],
  ['a copy', () => JSON.stringify({ ...hidden })],
  ['an array', () => [mistaken].join()],
])('%s does not print it', (_way, print) => {
  expect(print()).not.toContain('horse');
});

test('it says that something is hidden, so that a message still reads', () => {
  expect(String(mistaken)).toBe('[secret]');
  expect(JSON.stringify({ hidden })).toBe('{"hidden":"[secret]"}');
  expect(inspect({ hidden })).toBe('{ hidden: [secret] }');
});

test('nobody can replace what it answers', () => {
  expect(() => Object.assign(hidden, { reveal: () => 'another' })).toThrow(TypeError);
});
