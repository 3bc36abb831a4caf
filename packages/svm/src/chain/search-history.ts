import type { SolanaRpc } from '../rpc/solana-rpc.js';
import { findHistoryWitnesses, type OldBlock } from './history-witnesses.js';
import { searchStatuses, type Statuses } from './signature-statuses.js';

/** A transaction, and a block that is no younger than any that may hold it. */
export interface Wanted {
  readonly id: string;
  readonly notBefore: OldBlock;
}

/** What the history of a node says of transactions that its recent statuses lack. */
export interface HistoryFindings {
  readonly found: Statuses;
  /** Those that are in no block up to the slot that was asked for. What is neither absent nor found is not known. */
  readonly absent: ReadonlySet<string>;
}

/** Looks for transactions in all blocks that may hold them, up to a slot that was read before. */
export async function searchHistory(rpc: SolanaRpc, wanted: readonly Wanted[], upTo: bigint): Promise<HistoryFindings> {
  const { witnesses, covered } = await findCommonWitnesses(rpc, wanted);
  const ids = wanted.map(({ id }) => id);
  const { found, isWhole } = await searchStatuses(rpc, ids, { witnesses, upTo });
  return { found, absent: new Set(isWhole ? covered.map(({ id }) => id).filter((id) => !found.has(id)) : []) };
}

/** Witnesses for all of them, or else for the newest of them: the blocks of the oldest may be forgotten everywhere. */
async function findCommonWitnesses(
  rpc: SolanaRpc,
  wanted: readonly Wanted[],
): Promise<{ readonly witnesses: readonly string[]; readonly covered: readonly Wanted[] }> {
  let covered = wanted.toSorted((one, other) => Number(other.notBefore.slot - one.notBefore.slot));
  for (;;) {
    const oldest = covered.at(-1);
    if (oldest === undefined) return { witnesses: [], covered };
    const witnesses = await findHistoryWitnesses(rpc, oldest.notBefore);
    if (witnesses.length > 0) return { witnesses, covered };
    covered = covered.slice(0, Math.floor(covered.length / 2));
  }
}
