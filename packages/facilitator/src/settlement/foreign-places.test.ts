import { baseSepolia, type Broadcast, type Chain } from '@tollkeeper/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLogger } from '../logging/logger.js';
import type { Leg, SentTransaction } from './chain-transactions.js';
import type { Closing } from './close-transactions.js';
import { createForeignPlaces } from './foreign-places.js';
import type { HeldLane } from './lanes.js';

const signer = '0xsigner';
const lane: HeldLane = { signer, fencingToken: 1n };
const leg = { paymentId: 'payment', expected: {} } as Leg;
const sent: SentTransaction = {
  id: '0x01',
  raw: new Uint8Array(),
  signer,
  accountNonce: 3n,
  network: baseSepolia,
  legs: [leg],
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Looks twice, five seconds apart, at a place that the chain has filled while it does not show our transaction in a block. */
async function lookTwice(broadcast: Broadcast, next = 4n): Promise<readonly Closing[]> {
  const closed: Closing[] = [];
  const chain = {
    network: baseSepolia,
    observe: () => Promise.resolve([{ state: 'pending' }]),
    broadcast: () => Promise.resolve(broadcast),
  } as Partial<Chain> as Chain;
  const closeForeign = createForeignPlaces({
    chain,
    close: (closings, under) => {
      expect(under).toEqual(lane);
      return Promise.resolve(closed.push(...closings));
    },
    onEvent: () => undefined,
    log: createLogger({ level: 'silent' }),
  });
  await closeForeign(lane, { pending: [sent], next });
  expect(closed).toEqual([]);
  vi.advanceTimersByTime(5_000);
  await closeForeign(lane, { pending: [sent], next });
  return closed;
}

test('a transaction whose place is filled, and that the node does not know, has lost its place', async () => {
  expect(await lookTwice({ accepted: false, detail: 'nonce too low' })).toMatchObject([{ sent, state: 'replaced' }]);
});

test('a transaction that the node knows has filled its place itself, however late the evidence is', async () => {
  expect(await lookTwice({ accepted: true })).toEqual([]);
});

test('a transaction whose place is free waits for it', async () => {
  expect(await lookTwice({ accepted: false, detail: 'nonce too low' }, 3n)).toEqual([]);
});
