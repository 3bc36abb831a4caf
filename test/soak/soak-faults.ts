import { setTimeout as sleep } from 'node:timers/promises';
import type { EvmChain, RpcRule } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { pick } from '../support/random.js';
import type { SoakProcesses } from './soak-processes.js';

/** One thing that goes wrong for a while. Resolves when it is over. */
type SoakFault = (parts: FaultParts) => Promise<void>;

interface FaultParts {
  readonly random: () => number;
  readonly evm: EvmChain;
  readonly processes: SoakProcesses;
}

const sending = 'eth_sendRawTransaction';
const on = (method: string, fault: NonNullable<ReturnType<RpcRule>>): RpcRule => {
  return (call) => (call.method === method ? fault : undefined);
};

/** What a node may do to one process. */
const rules: readonly (readonly [string, RpcRule])[] = [
  ['node away', () => ({ kind: 'drop' })],
  ['sends lost', on(sending, { kind: 'drop' })],
  ['replies to sends lost', on(sending, { kind: 'lose-reply', afterMs: 1_200 })],
  ['sends doubled', on(sending, { kind: 'duplicate' })],
  ['"nonce too low"', on(sending, { kind: 'error', code: -32_000, message: 'nonce too low' })],
  ['"already known"', on(sending, { kind: 'error', code: -32_000, message: 'already known' })],
  ['"underpriced"', on(sending, { kind: 'error', code: -32_000, message: 'replacement transaction underpriced' })],
  ['no receipts', on('eth_getTransactionReceipt', { kind: 'result', result: null })],
  ['slow blocks', on('eth_getBlockByNumber', { kind: 'delay', ms: 400 })],
  ['no estimates', on('eth_estimateGas', { kind: 'http-status', status: 503 })],
];

const nodeTrouble = rules.map(([name, rule]): readonly [string, SoakFault] => [
  name,
  async ({ random, processes }) => {
    const remove = pick(random, processes.seats).proxy.use(rule);
    await sleep(200 + 1_800 * random());
    remove();
  },
]);

const chainTrouble: readonly (readonly [string, SoakFault])[] = [
  [
    'no blocks',
    async ({ random, evm }) => {
      await evm.rpc('evm_setAutomine', [false]);
      await sleep(500 + 2_000 * random());
      await resume(evm);
    },
  ],
  [
    'base fee jumps',
    async ({ random, evm }) => {
      await evm.rpc('anvil_setNextBlockBaseFeePerGas', [numberToHex(BigInt(2 + Math.floor(8 * random())) * 10n ** 9n)]);
      await evm.mine();
    },
  ],
  [
    'pool forgets',
    async ({ random, evm }) => {
      await evm.rpc('evm_setAutomine', [false]);
      await sleep(300 + 500 * random());
      await evm.rpc('anvil_dropAllTransactions');
      await resume(evm);
    },
  ],
  [
    'reorg',
    async ({ random, evm }) => {
      await evm.rpc('anvil_reorg', [1 + Math.floor(5 * random()), []]);
    },
  ],
];

const processTrouble: readonly (readonly [string, SoakFault])[] = [
  [
    'process killed',
    ({ random, processes }) => {
      processes.replace(pick(random, processes.seats));
      return Promise.resolve();
    },
  ],
  [
    'process paused',
    async ({ random, processes }) => {
      const { process } = pick(random, processes.seats);
      process?.kill('SIGSTOP');
      // Some sleep through their lease, and none through the delivery of an answer.
      await sleep(500 + 6_500 * random());
      process?.kill('SIGCONT');
    },
  ],
];

const faults = [...nodeTrouble, ...chainTrouble, ...processTrouble];

async function resume(evm: EvmChain): Promise<void> {
  await evm.rpc('evm_setAutomine', [true]);
  await evm.mine();
}

/** Lets things go wrong, one or two at a time, until the deadline, and sets everything right then. Answers how often what did. */
export async function makeTrouble(
  parts: FaultParts & { readonly untilMs: number },
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const isOver = () => Date.now() >= parts.untilMs;
  async function oneAfterTheOther(): Promise<void> {
    while (!isOver()) {
      const [name, fault] = pick(parts.random, faults);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      await fault(parts);
      await sleep(2_000 * parts.random());
    }
  }
  await Promise.all([oneAfterTheOther(), oneAfterTheOther()]);
  for (const { proxy } of parts.processes.seats) proxy.reset();
  await resume(parts.evm);
  return counts;
}
