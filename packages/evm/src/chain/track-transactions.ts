import type { Clock } from '@tollkeeper/protocol';
import type { Receipt } from '../rpc/evidence-methods.js';
import type { EvmNode } from '../rpc/evm-node.js';
import { type Advance, createFollowedChain } from './followed-chain.js';
import { createReceiptReading } from './read-receipts.js';
import { createTransactionMemory } from './transaction-memory.js';

/** What became of a transaction. `inBlock`: a block holds it that is not deep enough, or whose receipts cannot be had yet. */
export type Tracking =
  { readonly confirmed: false; readonly inBlock: boolean } | { readonly confirmed: true; readonly receipt: Receipt };

export type TransactionTracking = (node: EvmNode, ids: readonly string[]) => Promise<ReadonlyMap<string, Tracking>>;

/** With more blocks than this since the last look, each transaction is asked for instead. */
const maximumGap = 32;

/** What the blocks did not show is asked for all the same, a few at a look: two nodes may tell two stories. */
const doubt = { afterMs: 5_000, atMost: 4 };

/**
 * Follows the chain for all transactions together. The first look for one asks for its receipt; after that the hashes that each
 * new block lists tell whether to ask again, so that a look costs one request while nothing happens, however many wait. A receipt
 * counts only if its block is the chain's own: a node behind a load balancer may serve one of a block that another has never seen
 * or has dropped. Looks must not overlap.
 */
export function createTransactionTracking(parts: {
  readonly clock: Clock;
  readonly confirmations: number;
}): TransactionTracking {
  const chain = createFollowedChain();
  const memory = createTransactionMemory(parts);
  const readReceipts = createReceiptReading();

  async function advance(node: EvmNode, waiting: number): Promise<Advance> {
    const advanced = await chain.advance(node, Math.min(waiting, maximumGap));
    memory.noteBlocks(advanced.blocks);
    return advanced;
  }

  async function ask(node: EvmNode, ids: readonly string[]): Promise<void> {
    const wanted = ids.map((id) => ({ id, blockNumber: memory.get(id)?.block?.number }));
    memory.noteReceipts(ids, await readReceipts(node, wanted));
  }

  /** Asks for transactions of which the blocks that follow will tell. */
  async function meet(node: EvmNode, ids: readonly string[]): Promise<void> {
    memory.want(ids);
    try {
      await ask(node, ids);
    } catch (error) {
      for (const id of ids) memory.forget(id);
      throw error;
    }
  }

  async function meetAnew(node: EvmNode, ids: readonly string[]): Promise<void> {
    memory.forgetAll();
    await meet(node, ids);
  }

  async function look(node: EvmNode, ids: readonly string[]): Promise<void> {
    if (chain.head() === undefined) {
      await advance(node, 0);
      return meetAnew(node, ids);
    }
    const unseen = ids.filter((id) => memory.get(id) === undefined);
    // What is mined between the two answers is in a block that this look reads, or the next one.
    const [met, advanced] = await Promise.allSettled([meet(node, unseen), advance(node, ids.length)]);
    if (met.status === 'rejected') throw met.reason;
    if (advanced.status === 'rejected') throw advanced.reason;
    if (!advanced.value.isSeamless) return meetAnew(node, ids);
    memory.want(ids);
    await ask(node, [...ids.filter(lacksReceipt), ...memory.inDoubt(ids, doubt)]);
  }

  function lacksReceipt(id: string): boolean {
    const known = memory.get(id);
    return known?.block !== undefined && known.receipt === undefined;
  }

  function isAhead(id: string): boolean {
    const block = memory.get(id)?.block;
    return block !== undefined && chain.isAhead(block);
  }

  async function conclude(node: EvmNode, id: string): Promise<Tracking> {
    const { block, receipt } = memory.get(id) ?? {};
    if (block === undefined) return { confirmed: false, inBlock: false };
    const isOwn = chain.has(block) ?? (await node.block(block.number))?.hash === block.hash;
    const depth = (chain.head()?.number ?? 0n) - block.number + 1n;
    if (isOwn && (receipt === undefined || depth < parts.confirmations)) return { confirmed: false, inBlock: true };
    // Whoever asks again after this begins anew.
    memory.forget(id);
    return isOwn && receipt !== undefined ? { confirmed: true, receipt } : { confirmed: false, inBlock: false };
  }

  return async (node, ids) => {
    await look(node, ids);
    if (ids.some(isAhead) && !(await advance(node, ids.length)).isSeamless) await meetAnew(node, ids);
    const found = new Map<string, Tracking>();
    for (const id of ids) found.set(id, await conclude(node, id));
    return found;
  };
}
