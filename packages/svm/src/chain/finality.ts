import type { Finality, Inclusion } from '@tollkeeper/protocol';
import type { SignatureStatus, SolanaRpc } from '../rpc/solana-rpc.js';
import { searchHistory } from './search-history.js';
import { readRecentStatuses } from './signature-statuses.js';

/** Tells what the cluster says of each transaction: whether it is in the slot where it was seen, and rooted. */
export async function readFinality(rpc: SolanaRpc, inclusions: readonly Inclusion[]): Promise<readonly Finality[]> {
  if (inclusions.length === 0) return [];
  const ids = inclusions.map(({ transaction }) => transaction);
  const recent = await readRecentStatuses(rpc, ids);
  const outdated = inclusions.filter(({ transaction }) => !recent.has(transaction));
  if (outdated.length === 0) return inclusions.map((inclusion) => finalityOf(inclusion, recent));
  // Before the history is searched, which then holds every block up to it.
  const { slot: last } = await rpc.epochInfo();
  const wanted = outdated.map(({ transaction, block }) => ({ id: transaction, notBefore: { slot: block.number } }));
  const older = await searchHistory(rpc, wanted, last);
  const statuses = new Map([...recent, ...older.found]);
  return inclusions.map((inclusion) => {
    const { transaction, block } = inclusion;
    const isKnown = statuses.has(transaction) || (older.absent.has(transaction) && block.number <= last);
    return isKnown ? finalityOf(inclusion, statuses) : 'unknown';
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
