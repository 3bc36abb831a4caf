import { baseSepolia } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { createLogger } from '../logging/logger.js';
import type { PaymentStore } from './payment-store.js';
import { createTending } from './tending.js';

type Hanging = 'lookAtPlaces' | 'lookForLateTransfers';

/** A network where one thing ends only when it is let go. */
function tendOne(hanging: Hanging) {
  const done = { tendLanes: 0, follow: 0, lookAtPlaces: 0, lookForLateTransfers: 0, takeDropped: 0 };
  let letGo: () => void = () => undefined;
  const isLetGo = new Promise<void>((resolve) => (letGo = resolve));
  const count = (what: keyof typeof done) => async () => {
    done[what] += 1;
    if (what === hanging) await isLetGo;
  };
  const nothing = () => Promise.resolve();
  const tending = createTending({
    store: { releaseAllAbandoned: nothing } as Partial<PaymentStore> as PaymentStore,
    networks: [
      {
        network: baseSepolia,
        keep: nothing,
        tendLanes: count('tendLanes'),
        follow: count('follow'),
        lookAtPlaces: count('lookAtPlaces'),
        takeDropped: count('takeDropped'),
        lookForLateTransfers: count('lookForLateTransfers'),
        lookForOverdue: nothing,
        lookAtBalances: nothing,
        state: () => ({ poor: 0 }),
      },
    ],
    keepClaims: nothing,
    tendMs: 1,
    log: createLogger({ level: 'silent' }),
  });
  return { done, letGo, tending };
}

const hanging: readonly (readonly [string, Hanging])[] = [
  ['a look at places', 'lookAtPlaces'],
  ['a search for late transfers', 'lookForLateTransfers'],
];

test.each(hanging)(
  '%s that a node hangs in holds up nothing else of its network, and goes on once',
  async (_, what) => {
    const { done, letGo, tending } = tendOne(what);
    tending.start();
    await expect.poll(() => done[what]).toBe(1);
    const before = { ...done };
    await expect.poll(() => done.takeDropped).toBeGreaterThan(before.takeDropped + 2);
    for (const other of ['tendLanes', 'follow', 'lookAtPlaces', 'lookForLateTransfers'] as const) {
      if (other !== what) expect(done[other]).toBeGreaterThan(before[other]);
    }
    expect(done[what]).toBe(1);

    letGo();
    await expect.poll(() => done[what]).toBeGreaterThan(1);
    await tending.stop();
  },
);

test.each(hanging)('a stop waits for %s', async (_, what) => {
  const { done, letGo, tending } = tendOne(what);
  tending.start();
  await expect.poll(() => done[what]).toBe(1);
  let isStopped = false;
  const stopped = tending.stop().then(() => (isStopped = true));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isStopped).toBe(false);
  letGo();
  await stopped;
});
