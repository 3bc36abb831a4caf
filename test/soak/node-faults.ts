import { setTimeout as sleep } from 'node:timers/promises';
import { faultOn, type RpcRule } from '@tollkeeper/sandbox';
import { pick } from '../support/random.js';
import type { Family } from '../support/wire.js';
import type { FaultParts, SoakFault } from './soak-fault.js';

/** What a kind of node calls the things that every kind does. */
interface NodeMethods {
  /** Takes a transaction. */
  readonly send: string;
  /** Tells where the chain, or a transaction on it, is. */
  readonly look: string;
  /** Tries a transaction out. */
  readonly tryOut: string;
}

/** What a node of any kind may do to one process. */
export function commonNodeFaults(family: Family, { send, look, tryOut }: NodeMethods): readonly SoakFault[] {
  return [
    ...rulesAsFaults(family, [
      ['sends lost', faultOn(send, { kind: 'drop' })],
      ['replies to sends lost', faultOn(send, { kind: 'lose-reply', afterMs: 1_200 })],
      ['sends doubled', faultOn(send, { kind: 'duplicate' })],
      ['slow node', faultOn(look, { kind: 'delay', ms: 400 })],
      ['silent node', () => ({ kind: 'delay', ms: 1_500 })],
      ['nothing tried out', faultOn(tryOut, { kind: 'http-status', status: 503 })],
    ]),
    [
      `${family}: node away`,
      (parts) => inflict(parts, { family, rule: () => ({ kind: 'drop' }), ms: outageMs(parts) }),
    ],
  ];
}

/** Each rule as a fault of a moment. */
export function rulesAsFaults(
  family: Family,
  rules: readonly (readonly [name: string, rule: RpcRule])[],
): readonly SoakFault[] {
  return rules.map(([name, rule]) => [
    `${family}: ${name}`,
    (parts) => inflict(parts, { family, rule, ms: 200 + 1_800 * parts.random() }),
  ]);
}

/** Lets the node of one process misbehave for a while. */
export async function inflict(
  { random, processes }: FaultParts,
  { family, rule, ms }: { readonly family: Family; readonly rule: RpcRule; readonly ms: number },
): Promise<void> {
  const remove = pick(random, processes.seats).proxies[family].use(rule);
  await sleep(ms);
  remove();
}

function outageMs({ random, isLong }: FaultParts): number {
  return isLong && random() < 0.25 ? 30_000 : 200 + 2_800 * random();
}
