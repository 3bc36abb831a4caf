import { setTimeout as sleep } from 'node:timers/promises';
import { pick } from '../support/random.js';
import type { NetworkUnderTest } from './network-under-test.js';
import { processFaults } from './process-faults.js';
import type { FaultParts } from './soak-fault.js';

/** Lets things go wrong, one or two at a time, until the deadline, and sets everything right then. Answers how often what did. */
export async function makeTrouble(
  parts: FaultParts & {
    readonly networks: readonly NetworkUnderTest[];
    readonly untilMs: number;
    readonly onFault: (line: string) => void;
  },
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const isOver = () => Date.now() >= parts.untilMs;
  const choose = () => (parts.random() < 0.2 ? processFaults : pick(parts.random, parts.networks).faults);
  async function oneAfterTheOther(): Promise<void> {
    while (!isOver()) {
      const [name, make] = pick(parts.random, choose());
      counts.set(name, (counts.get(name) ?? 0) + 1);
      parts.onFault(`${name}: begins`);
      await make(parts);
      parts.onFault(`${name}: over`);
      await sleep(2_000 * parts.random());
    }
  }
  await Promise.all([oneAfterTheOther(), oneAfterTheOther()]);
  for (const network of parts.networks) await network.heal();
  return counts;
}
