import type { SolanaRpc } from '../rpc/solana-rpc.js';
import type { Witnesses } from './history-witnesses.js';
import { readStatuses, searchStatuses, type Statuses } from './signature-statuses.js';

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

/** Looks for transactions in all blocks that may hold them, up to a slot that was read before. */
export async function searchHistory(rpc: SolanaRpc, wanted: readonly Wanted[], upTo: bigint): Promise<HistoryFindings> {
  const all = wanted.flatMap(({ ids }) => ids);
  const found = new Map(await readStatuses(rpc, all, { history: true }));
  const absent = new Set<string>();
  for (const { ids, findWitnesses } of wanted) {
    // What is found needs no witness.
    const missing = ids.filter((id) => !found.has(id));
    const witnesses = missing.length === 0 ? undefined : await findWitnesses();
    if (witnesses === undefined) continue;
    const search = await searchStatuses(rpc, missing, { witnesses, upTo });
    for (const id of missing) {
      const status = search.found.get(id);
      if (status !== undefined) found.set(id, status);
      else if (search.isWhole) absent.add(id);
    }
  }
  return { found, absent };
}
