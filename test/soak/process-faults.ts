import { setTimeout as sleep } from 'node:timers/promises';
import { pick } from '../support/random.js';
import type { FaultParts, SoakFault } from './soak-fault.js';

/** What may become of processes and of the database. */
export const processFaults: readonly SoakFault[] = [
  [
    'process killed',
    ({ random, processes }) => {
      processes.replace(pick(random, processes.seats));
      return Promise.resolve();
    },
  ],
  [
    'process paused',
    oneByOne(async ({ random, processes }) => {
      const { process } = pick(random, processes.seats);
      process?.kill('SIGSTOP');
      // Some sleep through their lease, and none through the delivery of an answer.
      await sleep(500 + 6_500 * random());
      process?.kill('SIGCONT');
    }),
  ],
  [
    'database killed',
    oneByOne(async ({ random, postgres }) => {
      await postgres.kill();
      await sleep(2_000 * random());
      await postgres.revive();
    }),
  ],
  [
    'database cut off',
    oneByOne(async ({ random, postgres }) => {
      const letThrough = postgres.cutOff();
      await sleep(1_500 * random());
      letThrough();
    }),
  ],
];

let last: Promise<void> = Promise.resolve();

/**
 * One after the other, with time between them to note what was told meanwhile: several in a row would last longer than the
 * delivery of an answer.
 */
function oneByOne(make: (parts: FaultParts) => Promise<void>): (parts: FaultParts) => Promise<void> {
  return (parts) => {
    const own = last.then(() => make(parts)).then(() => sleep(3_000));
    last = own.catch(() => undefined);
    return own;
  };
}
