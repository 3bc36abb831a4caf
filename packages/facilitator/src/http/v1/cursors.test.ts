import { isFault } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createCursors } from './cursors.js';
import { createJournalNames } from './journal-name.js';

const key = new Uint8Array(32).fill(7);
const merchantId = '019b2f70-2d8e-7a9b-8c1d-3e5f7a9b1c2d';
const scope = [merchantId, 'GET', '/v1/wallets/:walletId/history'];
const Position = z.tuple([z.string(), z.string(), z.int()]);
const position: z.output<typeof Position> = ['2026-11-24T10:00:02.123456Z', '812004', 1];

test('a cursor is read by its own list, by every process that has the key', () => {
  const cursor = createCursors({ key, scope }).write(position);
  expect(createCursors({ key: Uint8Array.from(key), scope: [...scope] }).read(cursor, Position)).toEqual(position);
});

test('a cursor shows nobody its position, nor that two are the same', () => {
  const cursors = createCursors({ key, scope });
  const [one, other] = [cursors.write(position), cursors.write(position)];
  expect(one).not.toBe(other);
  const bytes = Buffer.from(one, 'base64url').toString('latin1');
  for (const part of ['2026-11-24', '812004']) expect(bytes).not.toContain(part);
});

test.each([
  ['another merchant', { key, scope: ['another', ...scope.slice(1)] }],
  ['another list', { key, scope: [...scope.slice(0, 2), '/v1/holds'] }],
  ['a service with another key', { key: new Uint8Array(32).fill(8), scope }],
])('a cursor is refused for %s', (_name, parts) => {
  const cursor = createCursors({ key, scope }).write(position);
  expect(() => createCursors(parts).read(cursor, Position)).toThrow(
    expect.objectContaining({ code: 'CURSOR_INVALID' }),
  );
});

test('a cursor that was altered anywhere, cut or made up is refused', () => {
  const cursors = createCursors({ key, scope });
  const cursor = cursors.write(position);
  const altered = Array.from(cursor, (letter, index) => {
    return `${cursor.slice(0, index)}${letter === 'A' ? 'B' : 'A'}${cursor.slice(index + 1)}`;
  });
  const cut = Array.from(cursor, (_, index) => cursor.slice(0, index));
  for (const wrong of [
    ...altered,
    ...cut,
    `${cursor}A`,
    `${cursor}=`,
    'null',
    Buffer.alloc(60).toString('base64url'),
  ]) {
    try {
      cursors.read(wrong, Position);
      expect.fail(`${wrong} was read`);
    } catch (error) {
      expect(isFault(error, 'CURSOR_INVALID')).toBe(true);
    }
  }
});

test('a position of another form is refused', () => {
  const cursors = createCursors({ key, scope });
  expect(() => cursors.read(cursors.write([1]), Position)).toThrow(expect.objectContaining({ code: 'CURSOR_INVALID' }));
});

test('a journal has one name for a merchant, and another for each other', () => {
  const nameJournal = createJournalNames({ key, merchantId });
  const numbers = Array.from({ length: 100 }, (_, index) => BigInt(index + 1));
  expect(new Set(numbers.map(nameJournal)).size).toBe(100);
  expect(numbers.map(nameJournal)).toEqual(numbers.map(createJournalNames({ key, merchantId })));
  const stranger = createJournalNames({ key, merchantId: 'another' });
  expect(numbers.filter((number) => nameJournal(number) === stranger(number))).toEqual([]);
  expect(nameJournal(812n)).toMatch(/^[0-9a-f]{32}$/);
});
