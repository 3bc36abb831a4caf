import type { ObservedTransaction } from '@tollkeeper/protocol';
import { blockhashLifetimeBlocks } from '../transaction/blockhash-lifetime.js';
import { blocksNear, findWitnessesAt } from './history-witnesses.js';
import { searchHistory, type HistoryFindings, type HistoryParts, type Wanted } from './search-history.js';

/** More blocks than two nodes are apart when a payment is signed. */
const blocksReckoned = 50n;

/**
 * No block below its last height by so many holds a transaction: it was sent after it was signed. The last height is reckoned
 * from a height or from slots that passed since then, of which some may have had no block.
 */
const blocksThatMayHold = blockhashLifetimeBlocks + blocksReckoned;

/** A node that was away for so few blocks, half a minute, has not begun anew from a snapshot. */
const blocksApart = 72n;

/** So many intervals reach from above the blocks that may hold a transaction to below them, with some room. */
const intervals = 4n;

/** What expires within so many blocks finds room between the same witnesses. */
const blocksTogether = blocksApart * intervals - blocksThatMayHold - blocksNear;

const nothing: HistoryFindings = { found: new Map(), absent: new Set() };

interface Outdated {
  readonly id: string;
  readonly last: bigint;
}

/**
 * Looks for those that no later block can hold, all of whose searches are due. The height is read before the history is searched and counts finalized blocks
 * only, so that what is absent afterwards is in no block at all.
 */
export async function searchExpired(
  parts: HistoryParts,
  submitted: readonly ObservedTransaction[],
): Promise<HistoryFindings> {
  const { rpc } = parts;
  const bounded = submitted.filter(({ lastValidBlockHeight }) => lastValidBlockHeight !== undefined);
  if (bounded.length === 0) return nothing;
  const final = await rpc.epochInfo('finalized');
  const outdated = bounded.flatMap(({ id, lastValidBlockHeight: last }) =>
    last !== undefined && final.blockHeight > last ? [{ id, last }] : [],
  );
  const wanted = groupsOf(outdated).map(({ ids, newest }): Wanted => {
    const known = { slot: final.slot, height: final.blockHeight };
    return { ids, findWitnesses: () => findWitnessesAt(rpc, { known, heights: heightsAround(newest) }) };
  });
  return wanted.length === 0 ? nothing : searchHistory(parts, wanted, final.slot);
}

/** Those that expired one soon after the other, the newest first: the blocks of the oldest may be forgotten everywhere. */
function groupsOf(
  outdated: readonly Outdated[],
): readonly { readonly newest: bigint; readonly ids: readonly string[] }[] {
  const groups: { newest: bigint; ids: string[] }[] = [];
  for (const { id, last } of outdated.toSorted((one, other) => Number(other.last - one.last))) {
    const group = groups.at(-1);
    if (group !== undefined && group.newest - last <= blocksTogether) group.ids.push(id);
    else groups.push({ newest: last, ids: [id] });
  }
  return groups;
}

function heightsAround(newest: bigint): readonly bigint[] {
  const heights: bigint[] = [];
  for (let interval = 0n; interval <= intervals; interval += 1n) {
    const height = newest - interval * blocksApart;
    heights.push(height > 0n ? height : 0n);
  }
  return heights;
}
