import type { Chain } from '@tollkeeper/protocol';
import { expect, test, vi } from 'vitest';
import { createLogger } from '../logging/logger.js';
import { createClaimHeights } from './claim-heights.js';
import type { PaymentStore } from './payment-store.js';

/** A chain whose height is how often it was asked, and which answers when it is told to. */
function heights() {
  let asked = 0n;
  const findUse = () => Promise.resolve({ state: 'unused' });
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const blockHeight = async () => {
    const height = (asked += 1n);
    await answered;
    return height;
  };
  const chain = { findUse, blockHeight } as unknown as Chain;
  const { read } = createClaimHeights({ chain, store: {} as PaymentStore, log: createLogger({ level: 'silent' }) });
  return { read, asked: () => asked, answer };
}

test('claims of one moment share a reading, and none shares one that began before it', async () => {
  const { read, asked, answer } = heights();
  const early = [read(), read(), read()];
  await vi.waitFor(() => expect(asked()).toBe(1n));
  const late = [read(), read()];
  answer();
  expect(await Promise.all(early)).toEqual([1n, 1n, 1n]);
  expect(await Promise.all(late)).toEqual([2n, 2n]);
});

test('a crowd costs few readings', async () => {
  const { read, asked, answer } = heights();
  answer();
  const startMs = performance.now();
  const all: Promise<unknown>[] = [];
  while (performance.now() < startMs + 250) {
    all.push(read());
    await new Promise(setImmediate);
  }
  const most = BigInt(Math.ceil((performance.now() - startMs) / 25)) + 2n;
  await Promise.all(all);
  // One at once, one in each fortieth of a second begun, and one that is still to come.
  expect(asked()).toBeLessThanOrEqual(most);
});

test('a node that does not answer leaves the height unknown', async () => {
  const chain = {
    findUse: () => Promise.resolve({ state: 'unused' }),
    blockHeight: () => Promise.reject(new Error('away')),
  } as unknown as Chain;
  const { read } = createClaimHeights({ chain, store: {} as PaymentStore, log: createLogger({ level: 'silent' }) });
  expect(await read()).toBeUndefined();
  expect(await read()).toBeUndefined();
});

test('where nobody but us can carry a payment out, no height is read', async () => {
  const chain = { blockHeight: () => expect.fail('not asked') } as unknown as Chain;
  const { read } = createClaimHeights({ chain, store: {} as PaymentStore, log: createLogger({ level: 'silent' }) });
  expect(await read()).toBeUndefined();
});
