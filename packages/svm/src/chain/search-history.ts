import type { SolanaRpc } from '../rpc/solana-rpc.js';
import type { Witnesses } from './history-witnesses.js';
import type { SearchPace } from './search-pace.js';
import { readStatuses, searchStatuses, type Statuses } from './signature-statuses.js';

/** For so many groups of transactions witnesses are looked for at a time; the others have their turn at the next look. */
const groupsAtOnce = 4;

/** Transactions that the same blocks may hold. */
export interface Wanted {
  readonly ids: readonly string[];
  /** Looks for witnesses of blocks around those that may hold them; undefined where there are none. */
  readonly findWitnesses: () => Promise<Witnesses | undefined>;
}

/** What the history of a node says of transactions that its recent statuses lack. */
export interface HistoryFindings {
  readonly found: Statuses;
  /** Those that are in no block up to the slot that was asked for. What is neither absent nor found is not known. */
  readonly absent: ReadonlySet<string>;
}

export interface HistoryParts {
  readonly rpc: SolanaRpc;
  readonly pace: SearchPace;
}

/** Looks for transactions in all blocks that may hold them, up to a slot that was read before. */
export async function searchHistory(
  parts: HistoryParts,
  wanted: readonly Wanted[],
  upTo: bigint,
): Promise<HistoryFindings> {
  try {
    return await search(parts, wanted, upTo);
  } catch (error) {
    // A node that hangs here would hang in every look, and what becomes of the others is told by the same looks.
    for (const { ids } of wanted) for (const id of ids) parts.pace.slowDown(id);
    throw error;
  }
}

async function search({ rpc, pace }: HistoryParts, wanted: readonly Wanted[], upTo: bigint): Promise<HistoryFindings> {
  const all = wanted.flatMap(({ ids }) => ids);
  const found = new Map(await readStatuses(rpc, all, { history: true }));
  const absent = new Set<string>();
  // What is found needs no witness.
  const missing = wanted
    .map(({ ids, findWitnesses }) => ({ ids: ids.filter((id) => !found.has(id)), findWitnesses }))
    .filter(({ ids }) => ids.length > 0);
  for (const { ids, findWitnesses } of missing.slice(0, groupsAtOnce)) {
    const witnesses = await findWitnesses();
    const searched = witnesses && (await searchStatuses(rpc, ids, { witnesses, upTo }));
    for (const id of ids) {
      const status = searched?.found.get(id);
      if (status !== undefined) found.set(id, status);
      else if (searched?.isWhole === true) absent.add(id);
      else pace.slowDown(id);
    }
  }
  for (const id of [...found.keys(), ...absent]) pace.forget(id);
  return { found, absent };
}
