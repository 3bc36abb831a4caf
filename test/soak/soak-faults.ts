import { setTimeout as sleep } from 'node:timers/promises';
import { pick } from '../support/random.js';
import { chainFaults, resume } from './chain-faults.js';
import { healNodes, nodeFaults } from './node-faults.js';
import { processFaults } from './process-faults.js';
import type { FaultParts } from './soak-fault.js';

const faults = [...nodeFaults, ...chainFaults, ...processFaults];

/** Lets things go wrong, one or two at a time, until the deadline, and sets everything right then. Answers how often what did. */
export async function makeTrouble(
  parts: FaultParts & { readonly untilMs: number; readonly onFault: (line: string) => void },
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const isOver = () => Date.now() >= parts.untilMs;
  async function oneAfterTheOther(): Promise<void> {
    while (!isOver()) {
      const [name, make] = pick(parts.random, faults);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      parts.onFault(`${name}: begins`);
      await make(parts);
      parts.onFault(`${name}: over`);
      await sleep(2_000 * parts.random());
    }
  }
  await Promise.all([oneAfterTheOther(), oneAfterTheOther()]);
  healNodes(parts);
  await resume(parts.evm);
  return counts;
}
