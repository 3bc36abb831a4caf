import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseSepolia, type Chain } from '@tollkeeper/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createLogger } from '../logging/logger.js';
import type { HeldLane } from './lanes.js';
import type { PlaceEvent } from './place-event.js';
import { createSkippedPlaces } from './skipped-places.js';

const network = baseSepolia;
const signer = '0x00000000000000000000000000000000000000AA';
const processId = randomUUID();
const lane: HeldLane = { signer, fencingToken: 1n };
let testDatabase: TestDatabase;
let events: PlaceEvent[];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  await testDatabase.database.sql`
    INSERT INTO lane (network, signer, next_account_nonce, holder, lease_until, fencing_token)
    VALUES (${network}, ${signer}, 0, ${processId}::uuid, now() + interval '1 hour', 1)`;
});
beforeEach(async () => {
  events = [];
  await testDatabase.database.sql`UPDATE lane SET next_account_nonce = 7`;
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => testDatabase.drop());

/** Looks every two seconds at what the chain tells, and answers where the lane is after each look. */
async function placesAfter(told: readonly bigint[]): Promise<readonly (bigint | undefined)[]> {
  const { database } = testDatabase;
  const skipUsed = createSkippedPlaces({
    database,
    chain: { network } as Partial<Chain> as Chain,
    processId,
    onEvent: (event) => events.push(event),
    log: createLogger({ level: 'silent' }),
  });
  const places: (bigint | undefined)[] = [];
  for (const next of told) {
    await skipUsed(lane, next);
    const [row] = await database.sql<{ next: bigint }>`SELECT next_account_nonce AS next FROM lane`;
    places.push(row?.next);
    vi.advanceTimersByTime(2_000);
  }
  return places;
}

test('a lane skips what the chain says for four seconds to be used, and no more than the lowest that it said', async () => {
  expect(await placesAfter([1_000_000n, 9n, 10n, 10n])).toEqual([7n, 7n, 9n, 9n]);
  expect(events).toEqual(['foreign']);
});

test('a lane skips nothing for wrong answers between right ones', async () => {
  expect(await placesAfter([1_000_000n, 7n, 1_000_000n, 6n, 1_000_000n])).toEqual([7n, 7n, 7n, 7n, 7n]);
  expect(events).toEqual([]);
});
