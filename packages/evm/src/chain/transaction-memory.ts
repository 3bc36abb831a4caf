import type { Block, Clock } from '@tollkeeper/protocol';
import type { BlockContents, Receipt } from '../rpc/evidence-methods.js';

/** What was learnt of a transaction. */
export interface KnownTransaction {
  /** The block that was last seen to hold it. */
  readonly block: Block | undefined;
  /** The receipt from that block. */
  readonly receipt: Receipt | undefined;
  readonly askedAtMs: number;
}

/** How long a transaction is remembered after the last look for it. */
const memoryMs = 60_000;

/** Remembers transactions that somebody waits for, and what blocks and receipts say of them. */
export function createTransactionMemory(parts: { readonly clock: Clock }) {
  const known = new Map<string, KnownTransaction & { readonly wantedAtMs: number }>();
  const nowMs = () => parts.clock.now().getTime();

  function change(id: string, changes: Partial<KnownTransaction>): void {
    const before = known.get(id);
    if (before !== undefined) known.set(id, { ...before, ...changes });
  }

  return {
    get: (id: string): KnownTransaction | undefined => known.get(id),
    forget: (id: string) => known.delete(id),
    forgetAll: () => known.clear(),

    /** Begins to remember these, or goes on, and forgets those that nobody wants any more. */
    want(ids: readonly string[]): void {
      const wantedAtMs = nowMs();
      for (const id of ids) {
        known.set(id, { block: undefined, receipt: undefined, askedAtMs: 0, ...known.get(id), wantedAtMs });
      }
      for (const [id, one] of known) if (one.wantedAtMs < wantedAtMs - memoryMs) known.delete(id);
    },

    /** Takes in which of them new blocks hold. */
    noteBlocks(blocks: readonly BlockContents[]): void {
      for (const { number, hash, transactions } of blocks) {
        for (const id of transactions) {
          if (known.get(id)?.block?.hash !== hash) change(id, { block: { number, hash }, receipt: undefined });
        }
      }
    },

    /** Takes in what the node answered for these. A receipt from another block than the chain's own is not believed. */
    noteReceipts(ids: readonly string[], receipts: ReadonlyMap<string, Receipt>): void {
      for (const id of ids) {
        change(id, { askedAtMs: nowMs() });
        const receipt = receipts.get(id);
        const block = known.get(id)?.block ?? receipt?.block;
        if (receipt !== undefined && block?.hash === receipt.block.hash) change(id, { block, receipt });
      }
    },

    /** Those of them that no block has shown although they were asked for long ago, the longest first. */
    inDoubt(ids: readonly string[], doubt: { readonly afterMs: number; readonly atMost: number }): readonly string[] {
      const latestMs = nowMs() - doubt.afterMs;
      const askedAt = (id: string) => known.get(id)?.askedAtMs ?? 0;
      return ids
        .filter((id) => known.get(id)?.block === undefined && askedAt(id) < latestMs)
        .toSorted((one, other) => askedAt(one) - askedAt(other))
        .slice(0, doubt.atMost);
    },
  };
}
