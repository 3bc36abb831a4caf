import type { Finality, Inclusion } from '@tollkeeper/protocol';
import type { SignatureStatus, SolanaRpc } from '../rpc/solana-rpc.js';
import { findWitnessesAround } from './history-witnesses.js';
import { searchHistory, type HistoryFindings, type HistoryParts, type Wanted } from './search-history.js';
import { readStatuses } from './signature-statuses.js';
import { blockOf } from './transfer-evidence.js';

/**
 * Tells what the cluster says of each transaction: whether it is in the slot where it was seen, and rooted. The history is searched
 * for those that are due.
 */
export async function readFinality(
  parts: HistoryParts & { readonly due: ReadonlySet<string> },
  inclusions: readonly Inclusion[],
): Promise<readonly Finality[]> {
  if (inclusions.length === 0) return [];
  const { rpc, due } = parts;
  const ids = inclusions.map(({ transaction }) => transaction);
  const recent = await readStatuses(rpc, ids, { history: false });
  const outdated = inclusions.filter(({ transaction }) => !recent.has(transaction) && due.has(transaction));
  const older = outdated.length === 0 ? undefined : await searchOlder(parts, outdated);
  const statuses = new Map([...recent, ...(older?.found ?? [])]);
  return inclusions.map((inclusion) => {
    const { transaction } = inclusion;
    const isKnown = statuses.has(transaction) || older?.absent.has(transaction) === true;
    return isKnown ? finalityOf(inclusion, statuses) : 'unknown';
  });
}

async function searchOlder(parts: HistoryParts, outdated: readonly Inclusion[]): Promise<HistoryFindings> {
  // Before the history is searched, which then holds every block up to it.
  const { slot: last } = await parts.rpc.epochInfo();
  const reached = outdated.filter(({ block }) => block.number <= last);
  return searchHistory(parts, wantedOf(parts.rpc, reached), last);
}

/** What was seen in one slot has the same witnesses. */
function wantedOf(rpc: SolanaRpc, inclusions: readonly Inclusion[]): readonly Wanted[] {
  const inSlots = new Map<bigint, string[]>();
  for (const { transaction, block } of inclusions) {
    inSlots.set(block.number, [...(inSlots.get(block.number) ?? []), transaction]);
  }
  return [...inSlots].map(([slot, ids]) => ({ ids, findWitnesses: () => findWitnessesAround(rpc, slot) }));
}

function finalityOf({ transaction, block }: Inclusion, statuses: ReadonlyMap<string, SignatureStatus>): Finality {
  const status = statuses.get(transaction);
  if (status === undefined) return 'gone';
  if (blockOf(status).hash === block.hash) {
    return status.level === 'finalized' ? 'final' : 'confirmed';
  }
  // A block that nobody has voted for yet says little about the one that was confirmed.
  return status.level === 'processed' ? 'unknown' : 'gone';
}
