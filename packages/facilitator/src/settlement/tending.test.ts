import { baseSepolia } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { createLogger } from '../logging/logger.js';
import type { PaymentStore } from './payment-store.js';
import { createTending } from './tending.js';

/** A network whose search for late transfers ends when it is let go. */
function tendOne() {
  const done = { tendLanes: 0, follow: 0, lookAtPlaces: 0, lookForLateTransfers: 0, takeDropped: 0 };
  let letGo: () => void = () => undefined;
  const isLetGo = new Promise<void>((resolve) => (letGo = resolve));
  const count = (what: keyof typeof done) => () => {
    done[what] += 1;
    return Promise.resolve();
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
        async lookForLateTransfers() {
          done.lookForLateTransfers += 1;
          await isLetGo;
        },
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

test('a search for late transfers that a node hangs in holds up nothing else of its network, and goes on once', async () => {
  const { done, letGo, tending } = tendOne();
  tending.start();
  await expect.poll(() => done.lookForLateTransfers).toBe(1);
  const { tendLanes, follow, lookAtPlaces, takeDropped } = { ...done };
  await expect.poll(() => done.takeDropped).toBeGreaterThan(takeDropped + 2);
  expect(done.tendLanes).toBeGreaterThan(tendLanes);
  expect(done.follow).toBeGreaterThan(follow);
  expect(done.lookAtPlaces).toBeGreaterThan(lookAtPlaces);
  expect(done.lookForLateTransfers).toBe(1);

  letGo();
  await expect.poll(() => done.lookForLateTransfers).toBeGreaterThan(1);
  await tending.stop();
});

test('a stop waits for the search for late transfers', async () => {
  const { done, letGo, tending } = tendOne();
  tending.start();
  await expect.poll(() => done.lookForLateTransfers).toBe(1);
  let isStopped = false;
  const stopped = tending.stop().then(() => (isStopped = true));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isStopped).toBe(false);
  letGo();
  await stopped;
});
