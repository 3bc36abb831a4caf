import { setTimeout as sleep } from 'node:timers/promises';
import type { RpcRule } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { pick } from '../support/random.js';
import { reorganise } from './chain-faults.js';
import type { FaultParts, SoakFault } from './soak-fault.js';

const sending = 'eth_sendRawTransaction';
const receiving = 'eth_getTransactionReceipt';

const on = (method: string, fault: NonNullable<ReturnType<RpcRule>>): RpcRule => {
  return (call) => (call.method === method ? fault : undefined);
};
const refusing = (message: string) => on(sending, { kind: 'error', code: -32_000, message });

const rules: readonly (readonly [string, RpcRule])[] = [
  ['sends lost', on(sending, { kind: 'drop' })],
  ['replies to sends lost', on(sending, { kind: 'lose-reply', afterMs: 1_200 })],
  ['sends doubled', on(sending, { kind: 'duplicate' })],
  ['"nonce too low"', refusing('nonce too low')],
  ['"already known"', refusing('already known')],
  ['"underpriced"', refusing('replacement transaction underpriced')],
  ['no receipts', on(receiving, { kind: 'result', result: null })],
  ['slow blocks', on('eth_getBlockByNumber', { kind: 'delay', ms: 400 })],
  ['no estimates', on('eth_estimateGas', { kind: 'http-status', status: 503 })],
];

/** What a node may do to one process. */
export const nodeFaults: readonly SoakFault[] = [
  ...rules.map(([name, rule]): SoakFault => [name, (parts) => inflict(parts, rule, 200 + 1_800 * parts.random())]),
  ['node away', (parts) => inflict(parts, () => ({ kind: 'drop' }), outageMs(parts))],
  ['node behind', async (parts) => inflict(parts, await behind(parts), 500 + 4_500 * parts.random())],
  [
    'receipts of blocks that are gone',
    async (parts) => {
      const over = inflict(parts, firstReceipts(), 2_000 + 2_000 * parts.random());
      await sleep(1_000 * parts.random());
      await reorganise(parts);
      await over;
    },
  ],
];

async function inflict({ random, processes }: FaultParts, rule: RpcRule, durationMs: number): Promise<void> {
  const remove = pick(random, processes.seats).proxy.use(rule);
  await sleep(durationMs);
  remove();
}

function outageMs({ random, isLong }: FaultParts): number {
  return isLong && random() < 0.25 ? 30_000 : 200 + 2_800 * random();
}

/** A node that hears of no new block, and sees everything as of the last one that it has heard of. */
async function behind({ random, evm }: FaultParts): Promise<RpcRule> {
  const head = BigInt((await evm.rpc('eth_blockNumber')) as string) - BigInt(Math.floor(3 * random()));
  const last = numberToHex(head);
  const isLater = (number: unknown) => typeof number === 'string' && /^0x/.test(number) && BigInt(number) > head;
  const unlessLater = (found: unknown) => (isLater((found as Found)?.blockNumber) ? null : found);
  return ({ method, params }) => {
    const [first] = Array.isArray(params) ? (params as unknown[]) : [];
    if (method === 'eth_blockNumber') return { kind: 'result', result: last };
    if (method === receiving) return { kind: 'alter', change: unlessLater };
    if (/^eth_getBlock/.test(method) && isLater(first)) return { kind: 'result', result: null };
    if (!Array.isArray(params) || !params.includes('latest')) return undefined;
    return { kind: 'ask', params: params.map((each: unknown) => (each === 'latest' ? last : each)) };
  };
}

type Found = { readonly blockNumber?: unknown } | null;

/** A node that sticks to the first receipt that it gave of each transaction, wherever the transaction is now. */
function firstReceipts(): RpcRule {
  const given = new Map<unknown, unknown>();
  return ({ method, params }) => {
    if (method !== receiving || !Array.isArray(params)) return undefined;
    const [id] = params as unknown[];
    const remember = (receipt: unknown) => {
      if (receipt !== null && !given.has(id)) given.set(id, receipt);
      return given.get(id) ?? null;
    };
    return { kind: 'alter', change: remember };
  };
}

/** Lets a process see nothing but the chain as it is. */
export function healNodes({ processes }: Pick<FaultParts, 'processes'>): void {
  for (const { proxy } of processes.seats) proxy.reset();
}
