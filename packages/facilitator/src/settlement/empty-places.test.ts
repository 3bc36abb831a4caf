import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseSepolia, type Chain, type SignedTransaction } from '@tollkeeper/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createLogger } from '../logging/logger.js';
import { createEmptyPlaces } from './empty-places.js';
import type { HeldLane } from './lanes.js';
import type { PlaceEvent } from './place-event.js';

const network = baseSepolia;
const signer = '0x00000000000000000000000000000000000000AA';
const processId = randomUUID();
const lane: HeldLane = { signer, fencingToken: 1n };
let testDatabase: TestDatabase;
let sent: SignedTransaction[];
let events: PlaceEvent[];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  // Of the first five places, nothing was ever signed for 2 and 3.
  await testDatabase.database.sql`
    INSERT INTO lane (network, signer, next_account_nonce, holder, lease_until, fencing_token)
    VALUES (${network}, ${signer}, 5, ${processId}::uuid, now() + interval '1 hour', 1)`;
  await testDatabase.database.sql`
    INSERT INTO chain_transaction (network, signer, account_nonce, transaction, raw)
    SELECT ${network}, ${signer}, place, 'ours ' || place, '' FROM unnest('{0,1,4}'::numeric[]) AS place`;
});
beforeEach(() => {
  sent = [];
  events = [];
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => testDatabase.drop());

/** The part of a process that fills places; what it signs differs each time. */
function openFilling() {
  const chain: Partial<Chain> = {
    network,
    fill: () =>
      Promise.resolve({
        signer,
        ordered: true,
        maximumFee: 1n,
        sign: (accountNonce = -1n) => ({ id: randomUUID(), raw: new Uint8Array([1]), signer, accountNonce }),
      }),
    broadcast: (transaction) => {
      sent.push(transaction);
      return Promise.resolve({ accepted: true });
    },
  };
  return createEmptyPlaces({
    database: testDatabase.database,
    chain: chain as Chain,
    processId,
    fillAfterMs: 15_000,
    track: () => undefined,
    onEvent: (event) => events.push(event),
    log: createLogger({ level: 'silent' }),
  });
}

test('places are filled once, by whoever holds the lane, and only when they were empty for a while', async () => {
  const [fill, sleeper, other] = [openFilling(), openFilling(), openFilling()];
  for (const each of [fill, sleeper, other]) await each(lane, 1n);
  vi.advanceTimersByTime(14_000);
  await fill(lane, 1n);
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(1_000);
  await sleeper({ ...lane, fencingToken: 0n }, 1n);
  expect(sent).toEqual([]);
  await Promise.all([fill(lane, 1n), other(lane, 1n)].map((filling) => filling.catch(() => undefined)));
  await fill(lane, 1n);
  expect(sent.map(({ accountNonce }) => accountNonce)).toEqual([2n, 3n]);
  const rows = await testDatabase.database.sql`
    SELECT account_nonce AS place, purpose, transaction FROM chain_transaction WHERE state = 'pending' AND purpose = 'cancellation'
    ORDER BY account_nonce`;
  expect(rows).toEqual(
    sent.map(({ id, accountNonce }) => ({ place: accountNonce, purpose: 'cancellation', transaction: id })),
  );
});

test('a lane that skipped more places than any chain asks for is not filled, and the operator is told once', async () => {
  const { sql } = testDatabase.database;
  const look = async (next: bigint) => {
    await fill(lane, next);
    vi.advanceTimersByTime(15_000);
  };
  const fill = openFilling();
  // Five places are signed for by now, and from 70 on nothing was given out.
  await sql`UPDATE lane SET next_account_nonce = 70`;
  for (let looks = 0; looks < 3; looks += 1) await look(4n);
  expect(events).toEqual(['foreign']);
  expect(sent).toEqual([]);
  await sql`UPDATE lane SET next_account_nonce = 69`;
  await look(4n);
  expect(sent.map(({ accountNonce }) => accountNonce)).toContain(5n);
});
