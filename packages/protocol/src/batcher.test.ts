import { afterEach, expect, test, vi } from 'vitest';
import { createBatcher } from './batcher.js';

/** A batcher that doubles numbers, whose calls end when the test says so. */
function heldBatcher(maximumItems = 20, purpose: 'read' | 'write' = 'write') {
  const calls: { readonly items: readonly number[]; end(): void; fail(error: Error): void }[] = [];
  const run = (items: readonly number[]) =>
    new Promise<readonly number[]>((resolve, reject) => {
      calls.push({
        items,
        end: () => {
          resolve(items.map((item) => 2 * item));
        },
        fail: reject,
      });
    });
  return { calls, double: createBatcher({ run, maximumItems, purpose }) };
}

afterEach(() => vi.useRealTimers());

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test('a lone item goes out in the turn it came in', async () => {
  const { calls, double } = heldBatcher();
  const answer = double(1);
  await nextTurn();
  expect(calls.map(({ items }) => items)).toEqual([[1]]);
  calls[0]?.end();
  expect(await answer).toBe(2);
});

test('items of one turn go together, and each caller gets its own result', async () => {
  const { calls, double } = heldBatcher();
  const answers = [1, 2, 3].map(double);
  await nextTurn();
  expect(calls.map(({ items }) => items)).toEqual([[1, 2, 3]]);
  calls[0]?.end();
  expect(await Promise.all(answers)).toEqual([2, 4, 6]);
});

test('items that come while a call is under way wait for it and go together', async () => {
  const { calls, double } = heldBatcher();
  const first = double(1);
  await nextTurn();
  const second = double(2);
  await nextTurn();
  const third = double(3);
  await nextTurn();
  expect(calls).toHaveLength(1);
  calls[0]?.end();
  await first;
  await vi.waitFor(() => expect(calls.map(({ items }) => items)).toEqual([[1], [2, 3]]));
  calls[1]?.end();
  expect(await Promise.all([second, third])).toEqual([4, 6]);
});

test('a full call goes out at once, whatever is under way', async () => {
  const { calls, double } = heldBatcher(4);
  void double(0);
  await nextTurn();
  for (const item of [1, 2, 3, 4, 5]) void double(item);
  await nextTurn();
  expect(calls.map(({ items }) => items)).toEqual([[0], [1, 2, 3, 4]]);
});

test('a call that takes long holds nobody up', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const { calls, double } = heldBatcher();
  void double(1);
  await nextTurn();
  const second = double(2);
  vi.advanceTimersByTime(99);
  await nextTurn();
  expect(calls).toHaveLength(1);
  vi.advanceTimersByTime(1);
  await nextTurn();
  expect(calls.map(({ items }) => items)).toEqual([[1], [2]]);
  calls[1]?.end();
  expect(await second).toBe(4);
});

/** Turns of the event loop that take a millisecond each. */
async function busyTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    vi.advanceTimersByTime(1);
    await nextTurn();
  }
}

test.each([
  ['a call of one', 'write', 1, 2],
  ['a call of several that reads', 'read', 2, 9],
  ['a call of several that writes', 'write', 2, 25],
] as const)('while this process is busy, %s is followed after so many turns', async (_name, purpose, count, turns) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const { calls, double } = heldBatcher(20, purpose);
  const answers = Array.from({ length: count }, (_, item) => double(item));
  await nextTurn();
  calls[0]?.end();
  await Promise.all(answers);
  void double(1);
  await busyTurns(turns - 2);
  expect(calls).toHaveLength(1);
  await busyTurns(2);
  expect(calls).toHaveLength(2);
});

test('as soon as this process has nothing else to do, the next call starts', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const { calls, double } = heldBatcher();
  const answers = [1, 2].map(double);
  await nextTurn();
  calls[0]?.end();
  await Promise.all(answers);
  void double(3);
  await busyTurns(3);
  expect(calls).toHaveLength(1);
  for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  expect(calls).toHaveLength(2);
});

test('when a call fails each of its callers gets the error, and the others go on', async () => {
  const { calls, double } = heldBatcher();
  const failing = [double(1), double(2)];
  await nextTurn();
  const later = double(3);
  calls[0]?.fail(new Error('no node'));
  for (const answer of failing) await expect(answer).rejects.toThrow('no node');
  await vi.waitFor(() => expect(calls).toHaveLength(2));
  calls[1]?.end();
  expect(await later).toBe(6);
});

test('a call that answers for another number of items fails', async () => {
  const run = () => Promise.resolve([1]);
  const batch = createBatcher<number, number>({ run, maximumItems: 4, purpose: 'read' });
  await expect(Promise.all([batch(1), batch(2)])).rejects.toThrow('one result for each item');
});
