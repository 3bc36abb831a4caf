import { setTimeout as sleep } from 'node:timers/promises';
import type { EvmChain } from '@tollkeeper/sandbox';
import { numberToHex, type Hex } from 'viem';
import { pick } from '../../support/random.js';
import type { SoakFault } from '../soak-fault.js';
import { spendAgain, type EvmPayers } from './evm-payers.js';

/** An EVM chain, who pays on it, and the accounts whose transactions are ours. */
export interface EvmSubject {
  readonly evm: EvmChain;
  readonly payers: EvmPayers;
  readonly signers: readonly string[];
  /** Gets every transaction whose block is taken back. */
  readonly undone: Set<string>;
}

/** What an EVM chain may do to everybody. */
export function evmChainFaults(subject: EvmSubject): readonly SoakFault[] {
  const { evm } = subject;
  return [
    [
      'EVM: no blocks',
      async ({ random }) => {
        await inTurn(() => evm.rpc('evm_setAutomine', [false]));
        await sleep(500 + 2_000 * random());
        await resume(evm);
      },
    ],
    ['EVM: base fee jumps', ({ random }) => raiseBaseFee(evm, random)],
    [
      'EVM: pool forgets',
      async ({ random }) => {
        await inTurn(() => evm.rpc('evm_setAutomine', [false]));
        await sleep(300 + 500 * random());
        await inTurn(() => evm.rpc('anvil_dropAllTransactions'));
        await resume(evm);
      },
    ],
    ['EVM: reorg', ({ random }) => reorganise(subject, random)],
  ];
}

/** Lets the chain take every transaction at once again. */
export function resume(evm: EvmChain): Promise<void> {
  return inTurn(() => mineEverything(evm));
}

export function moveOn(evm: EvmChain): Promise<void> {
  return inTurn(() => evm.mine());
}

async function mineEverything(evm: EvmChain): Promise<void> {
  await evm.rpc('evm_setAutomine', [true]);
  await evm.mine();
}

const gwei = 10n ** 9n;

/** So long is a block of the dear ones in the making. */
const dearBlockMs = 400;

/** For some blocks the base fee is far above what most was signed for, so that attempts stick; then it is as it was. */
async function raiseBaseFee(evm: EvmChain, random: () => number): Promise<void> {
  const before = await baseFeeOf(evm);
  const fee = BigInt(2 + Math.floor(8 * random())) * gwei;
  const blocks = 3 + Math.floor(6 * random());
  for (let count = 0; count < blocks; count += 1) {
    await inTurn(async () => {
      await evm.rpc('evm_setAutomine', [false]);
      await setNextBaseFee(evm, fee);
      await evm.mine();
    });
    await sleep(dearBlockMs);
  }
  await inTurn(async () => {
    // What another such time left is not how it was.
    await setNextBaseFee(evm, before < gwei ? before : gwei);
    await mineEverything(evm);
  });
}

async function baseFeeOf(evm: EvmChain): Promise<bigint> {
  const { baseFeePerGas } = (await evm.rpc('eth_getBlockByNumber', ['latest', false])) as { baseFeePerGas: Hex };
  return BigInt(baseFeePerGas);
}

async function setNextBaseFee(evm: EvmChain, fee: bigint): Promise<void> {
  await evm.rpc('anvil_setNextBlockBaseFeePerGas', [numberToHex(fee)]);
}

/** A busy anvil mines one block after the other in less than a few of these. */
const stillMs = 100;
const stillLooks = 5;

let last: Promise<unknown> = Promise.resolve();

/** One after the other: anvil loses blocks that it mines while it replaces others. */
function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const own = last.then(work);
  last = own.catch(() => undefined);
  return own;
}

/** Replaces the newest blocks by others, which drop our transactions, keep them or hold them in another order. */
export async function reorganise(subject: EvmSubject, random: () => number): Promise<void> {
  const { evm, payers } = subject;
  const way = await inTurn(async () => {
    await evm.rpc('evm_setAutomine', [false]);
    await untilStill(evm);
    const done = await replaceBlocks(subject, random);
    await expectNoneLost(evm);
    await mineEverything(evm);
    return done;
  });
  if (way === 'drop') await spendAgain(evm, payers);
}

/** What was sent before is mined one by one, for a while after anvil was told to mine no more by itself. */
async function untilStill(evm: EvmChain): Promise<void> {
  let height: unknown;
  for (let looks = 0; looks < stillLooks; looks += 1) {
    const now = await evm.rpc('eth_blockNumber');
    if (now !== height) looks = 0;
    height = now;
    await sleep(stillMs);
  }
}

/** Whatever happens after anvil has lost a block is nobody's fault but its own. */
async function expectNoneLost(evm: EvmChain): Promise<void> {
  const head = BigInt(String(await evm.rpc('eth_blockNumber')));
  for (let back = 0n; back < 16n && back <= head; back += 1n) {
    const block = await evm.rpc('eth_getBlockByNumber', [numberToHex(head - back), false]);
    if (block === null) throw new Error(`anvil has lost its block ${head - back} in a reorg; run the simulation again`);
  }
}

async function replaceBlocks(
  { evm, signers, undone }: EvmSubject,
  random: () => number,
): Promise<'drop' | 'keep' | 'reorder'> {
  const depth = 1 + Math.floor(5 * random());
  const way = pick(random, ['drop', 'keep', 'reorder'] as const);
  const newest = await newestTransactions(evm, depth);
  for (const { hash } of newest) undone.add(hash);
  const ours = new Set(signers.map((signer) => signer.toLowerCase()));
  const found = way === 'drop' ? [] : newest.filter(({ from }) => ours.has(from));
  const kept = way === 'reorder' ? reordered(found, { depth, random }) : found;
  const pairs = await Promise.all(kept.map(async ({ hash, place }) => [await rawOf(evm, hash), place] as const));
  // A transaction that is in no block any more, or that no block takes at this place, is dropped with all others.
  await evm.rpc('anvil_reorg', [depth, pairs]).catch(() => evm.rpc('anvil_reorg', [depth, []]));
  return way;
}

/** A transaction and the place of its block among those that are replaced. */
interface Placed {
  readonly hash: Hex;
  readonly from: string;
  readonly place: number;
}

async function newestTransactions(evm: EvmChain, depth: number): Promise<readonly Placed[]> {
  const head = BigInt((await evm.rpc('eth_blockNumber')) as string);
  const blocks = await Promise.all(
    Array.from({ length: depth }, async (_, place) => {
      const number = numberToHex(head - BigInt(depth - 1 - place));
      const { transactions } = (await evm.rpc('eth_getBlockByNumber', [number, true])) as { transactions: Placed[] };
      return transactions.map(({ hash, from }) => ({ hash, from, place }));
    }),
  );
  return blocks.flat();
}

/** Gives each transaction another block, as far as the order of its signer allows. */
function reordered(
  found: readonly Placed[],
  { depth, random }: { readonly depth: number; readonly random: () => number },
): readonly Placed[] {
  const least = new Map<string, number>();
  return found.map((each) => {
    const place = Math.max(least.get(each.from) ?? 0, Math.floor(depth * random()));
    least.set(each.from, place);
    return { ...each, place };
  });
}

async function rawOf(evm: EvmChain, hash: Hex): Promise<Hex> {
  return (await evm.rpc('eth_getRawTransactionByHash', [hash])) as Hex;
}
