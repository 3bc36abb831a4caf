import type { Finality, Inclusion } from '@tollkeeper/protocol';
import type { SignatureStatus, SolanaRpc } from '../rpc/solana-rpc.js';
import { readRecentStatuses, searchStatuses } from './signature-statuses.js';

/** Tells what the cluster says of each transaction: whether it is in the slot where it was seen, and rooted. */
export async function readFinality(rpc: SolanaRpc, inclusions: readonly Inclusion[]): Promise<readonly Finality[]> {
  if (inclusions.length === 0) return [];
  const ids = inclusions.map(({ transaction }) => transaction);
  const recent = await readRecentStatuses(rpc, ids);
  const outdated = ids.filter((id) => !recent.has(id));
  if (outdated.length === 0) return inclusions.map((inclusion) => finalityOf(inclusion, recent));
  // Before the history is searched: it holds every block from the one to the other.
  const [first, { slot: last }] = [await rpc.firstAvailableSlot(), await rpc.epochInfo()];
  const older = await searchStatuses(rpc, outdated, { upTo: last });
  const statuses = new Map([...recent, ...(older ?? [])]);
  return inclusions.map((inclusion) => {
    const { number: slot } = inclusion.block;
    const isCovered = older !== undefined && slot >= first && slot <= last;
    return statuses.has(inclusion.transaction) || isCovered ? finalityOf(inclusion, statuses) : 'unknown';
  });
}

function finalityOf({ transaction, block }: Inclusion, statuses: ReadonlyMap<string, SignatureStatus>): Finality {
  const status = statuses.get(transaction);
  if (status === undefined) return 'gone';
  if (status.slot === block.number && status.error === null) {
    return status.level === 'finalized' ? 'final' : 'confirmed';
  }
  // A block that nobody has voted for yet says little about the one that was confirmed.
  return status.level === 'processed' ? 'unknown' : 'gone';
}
