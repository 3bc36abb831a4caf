import type { SignatureStatus, SolanaRpc } from '../rpc/solana-rpc.js';

/** The node's own limit for one getSignatureStatuses call. */
const signaturesPerCall = 256;

/** Where a node has transactions, by signature, without those that it has in no block. */
export type Statuses = ReadonlyMap<string, SignatureStatus>;

/** Where the node has these transactions as far as it remembers. */
export async function readRecentStatuses(rpc: SolanaRpc, signatures: readonly string[]): Promise<Statuses> {
  return (await readStatuses(rpc, signatures, { history: false })).found;
}

/**
 * Where the node has these transactions in its whole history; undefined where whoever answered has not come as far as the slot
 * given: behind one address there may be several nodes.
 */
export async function searchStatuses(
  rpc: SolanaRpc,
  signatures: readonly string[],
  { upTo }: { readonly upTo: bigint },
): Promise<Statuses | undefined> {
  const { found, slot } = await readStatuses(rpc, signatures, { history: true });
  return slot === undefined || slot >= upTo ? found : undefined;
}

async function readStatuses(
  rpc: SolanaRpc,
  signatures: readonly string[],
  options: { readonly history: boolean },
): Promise<{ readonly found: Statuses; readonly slot: bigint | undefined }> {
  const found = new Map<string, SignatureStatus>();
  let oldest: bigint | undefined;
  for (let start = 0; start < signatures.length; start += signaturesPerCall) {
    const ids = signatures.slice(start, start + signaturesPerCall);
    const { slot, statuses } = await rpc.signatureStatuses(ids, options);
    if (oldest === undefined || slot < oldest) oldest = slot;
    statuses.forEach((status, index) => {
      const id = ids[index];
      if (status !== null && id !== undefined) found.set(id, status);
    });
  }
  return { found, slot: oldest };
}
