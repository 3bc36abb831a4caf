import { baseSepolia, type Broadcast, type Chain } from '@tollkeeper/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLogger } from '../logging/logger.js';
import type { Leg, SentTransaction } from './chain-transactions.js';
import type { Closing } from './close-transactions.js';
import { createForeignPlaces } from './foreign-places.js';
import type { HeldLane } from './lanes.js';
import type { PlaceEvent } from './place-event.js';

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

let events: PlaceEvent[];

beforeEach(() => {
  events = [];
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const refused: Broadcast = { accepted: false, detail: 'nonce too low' };

/** A chain that knows no transaction, but for what is said of it. */
function chainWith(some: Partial<Chain> = {}): Chain {
  const chain: Partial<Chain> = {
    network: baseSepolia,
    observe: (all) => Promise.resolve(all.map(() => ({ state: 'pending' }))),
    broadcast: () => Promise.resolve(refused),
    ...some,
  };
  return chain as Chain;
}

/** Looks twice, five seconds apart, at places of which the chain has filled those before `next`. */
async function lookTwice(chain: Chain, next = 4n, pending = [sent]): Promise<readonly Closing[]> {
  const closed: Closing[] = [];
  const closeForeign = createForeignPlaces({
    chain,
    close: (closings, under) => {
      expect(under).toEqual(lane);
      return Promise.resolve(closed.push(...closings));
    },
    onEvent: (event) => events.push(event),
    log: createLogger({ level: 'silent' }),
  });
  await closeForeign(lane, { pending, next });
  expect(closed).toEqual([]);
  vi.advanceTimersByTime(5_000);
  await closeForeign(lane, { pending, next });
  return closed;
}

test('a transaction whose place is filled, and that the node does not know, has lost its place', async () => {
  expect(await lookTwice(chainWith())).toMatchObject([{ sent, state: 'replaced' }]);
  expect(events).toEqual(['foreign']);
});

test('a transaction that the node knows has filled its place itself, however late the evidence is', async () => {
  expect(await lookTwice(chainWith({ broadcast: () => Promise.resolve({ accepted: true }) }))).toEqual([]);
});

test('a transaction whose place is free waits for it', async () => {
  expect(await lookTwice(chainWith(), 3n)).toEqual([]);
});

test.each<Partial<Chain>>([
  {
    observe: ([, bid]) => Promise.resolve([{ state: 'pending' }, { state: 'pending', ...(bid && { inBlock: true }) }]),
  },
  { broadcast: ({ id }) => Promise.resolve(id === '0x02' ? { accepted: true } : refused) },
])('a place that another bidder of ours has taken is none that somebody else took', async (some) => {
  const bid = { ...sent, id: '0x02' };
  expect(await lookTwice(chainWith(some), 4n, [sent, bid])).toEqual([]);
  expect(events).toEqual([]);
});

test('a transaction that the node cannot tell about hides no other that has lost its place', async () => {
  const untold = { ...sent, id: '0x02', accountNonce: 2n };
  const observe: Chain['observe'] = (all) =>
    all.some(({ id }) => id === untold.id)
      ? Promise.reject(new Error('no receipt'))
      : Promise.resolve(all.map(() => ({ state: 'pending' })));
  expect(await lookTwice(chainWith({ observe }), 4n, [untold, sent])).toMatchObject([{ sent, state: 'replaced' }]);
});
