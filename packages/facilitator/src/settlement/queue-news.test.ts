import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseSepolia } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createQueueNews } from './queue-news.js';

const claims = 300;

let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

test('a crowd of claims is announced a few times, because whoever hears of it looks through all that is in flight', async () => {
  let looks = 0;
  const noted = new Set<string>();
  const taker = {
    network: baseSepolia,
    noteHeight: (paymentId: string) => Promise.resolve(void noted.add(paymentId)),
    takeQueued: () => Promise.resolve(void (looks += 1)),
  };
  const news = createQueueNews({ database: testDatabase.database, networks: [taker] });
  await news.start();
  const startMs = performance.now();
  const announced = Array.from({ length: claims }, (_, index) => news.announce(baseSepolia, `claim ${index}`));
  await Promise.all(announced);
  await expect.poll(() => looks).toBeGreaterThan(0);
  await news.stop();
  const polls = Math.floor((performance.now() - startMs) / 250) + 1;
  expect(looks).toBeLessThan(10 + polls);
  expect(noted.size).toBe(claims);
});
