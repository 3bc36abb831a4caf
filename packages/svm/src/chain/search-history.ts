import type { SubmittedTransaction } from '@tollkeeper/protocol';
import type { SolanaRpc } from '../rpc/solana-rpc.js';
import { blockhashLifetimeBlocks } from '../transaction/blockhash-lifetime.js';
import { searchStatuses, type Statuses } from './signature-statuses.js';

/** What the history of a node says of transactions that its recent statuses lack. */
export interface HistoryFindings {
  readonly found: Statuses;
  /** Those that are in no block and that no later block can hold. */
  readonly gone: ReadonlySet<string>;
}

/** More slots than two nodes are apart when a payment is signed. */
const slotsReckoned = 50n;

const nothing: HistoryFindings = { found: new Map(), gone: new Set() };

/**
 * Looks for those that no later block can hold. The height is read before the history is searched and counts finalized blocks
 * only, so that what is absent afterwards is in no block at all; unless the history begins too late or ends too early to know.
 */
export async function searchHistory(rpc: SolanaRpc, absent: readonly SubmittedTransaction[]): Promise<HistoryFindings> {
  if (absent.every(({ lastValidBlockHeight }) => lastValidBlockHeight === undefined)) return nothing;
  const final = await rpc.epochInfo('finalized');
  const outdated = absent.flatMap(({ id, lastValidBlockHeight: last }) =>
    last !== undefined && final.blockHeight > last ? [{ id, last }] : [],
  );
  if (outdated.length === 0) return nothing;
  const ids = outdated.map(({ id }) => id);
  const found = await searchStatuses(rpc, ids, { upTo: final.slot });
  if (found === undefined) return nothing;
  const missing = outdated.filter(({ id }) => !found.has(id));
  const firsts = missing.map(({ last }) => firstHeight(last));
  const oldest = missing.length === 0 ? undefined : await oldestHeight(rpc, least(firsts));
  const gone = missing.filter((_, index) => oldest !== undefined && oldest <= (firsts[index] ?? 0n));
  return { found, gone: new Set(gone.map(({ id }) => id)) };
}

/**
 * No block below this height holds a transaction that was signed for so long: it was sent after it was signed. Its last height
 * is reckoned from a height or from slots that passed since then, of which some may have had no block.
 */
function firstHeight(lastValidBlockHeight: bigint): bigint {
  const first = lastValidBlockHeight - blockhashLifetimeBlocks - slotsReckoned;
  return first < 0n ? 0n : first;
}

/** A height from which on the node has every block; undefined where it does not tell. */
async function oldestHeight(rpc: SolanaRpc, enough: bigint): Promise<bigint | undefined> {
  // After the search, because a node forgets its oldest blocks all the time.
  const slot = await rpc.firstAvailableSlot();
  // No block is higher than its slot.
  if (slot <= enough) return slot;
  const height = await rpc.heightOf(slot);
  return height.refused ? undefined : height.result;
}

function least(heights: readonly bigint[]): bigint {
  return heights.reduce((lowest, height) => (height < lowest ? height : lowest));
}
