import { setTimeout as sleep } from 'node:timers/promises';
import { faultOn, type RpcRule } from '@tollkeeper/sandbox';
import { inflict } from '../node-faults.js';
import type { FaultParts, SoakFault } from '../soak-fault.js';
import { laggingNode } from './lagging-node.js';
import type { SvmSubject } from './svm-subject.js';

const family = 'Solana';

/** Nodes that cannot know what they are asked: too new, or behind. */
export function svmHistoryFaults(subject: SvmSubject): readonly SoakFault[] {
  const { chain } = subject;
  return [
    [
      'Solana: node behind',
      (parts) => {
        const rule = laggingNode(subject, chain.slot() - Math.floor(3 * parts.random()));
        return inflict(parts, { family, rule, ms: 500 + 4_500 * parts.random() });
      },
    ],
    [
      'Solana: one node of two behind',
      (parts) => {
        const rule = laggingNode(subject, chain.slot() - Math.floor(200 * parts.random()));
        const isAsked = () => parts.random() < 0.5;
        return inflict(parts, {
          family,
          rule: (call) => (isAsked() ? rule(call) : undefined),
          ms: 500 + 4_500 * parts.random(),
        });
      },
    ],
    ['Solana: node begins anew', (parts) => beginAnew(subject, parts)],
  ];
}

/**
 * The only node of all processes tells nothing of what it takes, and when all of that has expired another one stands in its place,
 * which has no block of before.
 */
async function beginAnew({ chain }: SvmSubject, { random, processes }: FaultParts): Promise<void> {
  const everywhere = (rule: RpcRule) => processes.seats.map(({ proxies }) => proxies[family].use(rule));
  const back = everywhere(faultOn('getSignatureStatuses', { kind: 'drop' }));
  await sleep(200 + 800 * random());
  chain.advanceSlots(200);
  const first = chain.slot();
  const found = [
    ...everywhere(withoutBlocksBefore(first)),
    ...everywhere(faultOn('getSignatureStatuses', { kind: 'alter', change: (found) => statusesSince(first, found) })),
    ...everywhere(faultOn('getTransaction', { kind: 'alter', change: (landed) => since(first, landed as Placed) })),
  ];
  for (const end of back) end();
  await sleep(500 + 1_500 * random());
  // One question after the other is answered by the first node again.
  for (const end of found) {
    end();
    await sleep(20 * random());
  }
}

function withoutBlocksBefore(first: number): RpcRule {
  return ({ method, params }) =>
    method === 'getBlock' && (params as readonly [number])[0] < first
      ? { kind: 'error', code: -32_001, message: 'Block cleaned up' }
      : undefined;
}

interface Placed {
  readonly slot: number;
}

function statusesSince(first: number, found: unknown): unknown {
  const { value, ...rest } = found as { readonly value: readonly (Placed | null)[] };
  return { ...rest, value: value.map((status) => since(first, status)) };
}

function since<Found extends Placed>(first: number, found: Found | null): Found | null {
  return found === null || found.slot < first ? null : found;
}
