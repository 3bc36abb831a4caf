import { setTimeout as sleep } from 'node:timers/promises';
import { faultOn, type EvmChain, type RpcRule } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { commonNodeFaults, inflict, rulesAsFaults } from '../node-faults.js';
import type { SoakFault } from '../soak-fault.js';
import { reorganise, type EvmSubject } from './chain-faults.js';

const sending = 'eth_sendRawTransaction';
const receiving = 'eth_getTransactionReceipt';
const family = 'EVM';

const refusing = (message: string) => faultOn(sending, { kind: 'error', code: -32_000, message });

/** What an EVM node may do to one process. */
export function evmNodeFaults(subject: EvmSubject): readonly SoakFault[] {
  return [
    ...commonNodeFaults(family, { send: sending, look: 'eth_getBlockByNumber', tryOut: 'eth_estimateGas' }),
    ...rulesAsFaults(family, [
      ['"nonce too low"', refusing('nonce too low')],
      ['"already known"', refusing('already known')],
      ['"underpriced"', refusing('replacement transaction underpriced')],
      ['no receipts', faultOn(receiving, { kind: 'result', result: null })],
    ]),
    [
      'EVM: node behind',
      async (parts) => {
        const rule = await behind(subject.evm, Math.floor(3 * parts.random()));
        await inflict(parts, { family, rule, ms: 500 + 4_500 * parts.random() });
      },
    ],
    [
      'EVM: receipts of blocks that are gone',
      async (parts) => {
        const over = inflict(parts, { family, rule: firstReceipts(), ms: 2_000 + 2_000 * parts.random() });
        await sleep(1_000 * parts.random());
        await reorganise(subject, parts.random);
        await over;
      },
    ],
  ];
}

/** A node that hears of no new block, and sees everything as of the last one that it has heard of. */
async function behind(evm: EvmChain, blocks: number): Promise<RpcRule> {
  const head = BigInt((await evm.rpc('eth_blockNumber')) as string) - BigInt(blocks);
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
