import type { SignatureStatus, SolanaRpc } from '../rpc/solana-rpc.js';
import type { Witnesses } from './history-witnesses.js';

/** The node's own limit for one getSignatureStatuses call. */
const signaturesPerCall = 256;

/** Where a node has transactions, by signature, without those that it has in no block. */
export type Statuses = ReadonlyMap<string, SignatureStatus>;

/** What a history says of transactions. */
export interface HistorySearch {
  readonly found: Statuses;
  /** Whether whoever answered has every block that matters, so that what is not found is in none of them. */
  readonly isWhole: boolean;
}

/** Where the node has these transactions: as far as it remembers, or in its whole history. */
export async function readStatuses(
  rpc: SolanaRpc,
  signatures: readonly string[],
  options: { readonly history: boolean },
): Promise<Statuses> {
  const found = new Map<string, SignatureStatus>();
  for (let start = 0; start < signatures.length; start += signaturesPerCall) {
    const ids = signatures.slice(start, start + signaturesPerCall);
    const { statuses } = await rpc.signatureStatuses(ids, options);
    collect(found, ids, statuses);
  }
  return found;
}

/**
 * Where the node has these transactions in its whole history.
 * @param blocks.witnesses transactions of blocks around those that matter
 * @param blocks.upTo the last slot that matters
 */
export async function searchStatuses(
  rpc: SolanaRpc,
  signatures: readonly string[],
  { witnesses, upTo }: { readonly witnesses: Witnesses; readonly upTo: bigint },
): Promise<HistorySearch> {
  const found = new Map<string, SignatureStatus>();
  let isWhole = true;
  const together = witnesses.flatMap((block) => block.signatures);
  const perCall = signaturesPerCall - together.length;
  for (let start = 0; start < signatures.length; start += perCall) {
    const ids = signatures.slice(start, start + perCall);
    const { slot, statuses } = await rpc.signatureStatuses([...ids, ...together], { history: true });
    collect(found, ids, statuses);
    const slots = new Map(together.map((witness, index) => [witness, statuses[ids.length + index]?.slot]));
    const isKnown = (block: Witnesses[number]) => block.signatures.some((each) => slots.get(each) === block.slot);
    isWhole &&= slot >= upTo && witnesses.every(isKnown);
  }
  return { found, isWhole };
}

function collect(
  found: Map<string, SignatureStatus>,
  ids: readonly string[],
  statuses: readonly (SignatureStatus | null)[],
): void {
  for (const [index, id] of ids.entries()) {
    const status = statuses[index];
    if (status !== null && status !== undefined) found.set(id, status);
  }
}
