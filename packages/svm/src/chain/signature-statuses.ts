import type { SignatureStatus, SolanaRpc } from '../rpc/solana-rpc.js';

/** The node's own limit for one getSignatureStatuses call. */
const signaturesPerCall = 256;

/** The statuses of transactions by signature, without those that the node has in no block. */
export async function readStatuses(
  rpc: SolanaRpc,
  signatures: readonly string[],
  options: { readonly history: boolean },
): Promise<ReadonlyMap<string, SignatureStatus>> {
  const found = new Map<string, SignatureStatus>();
  for (let start = 0; start < signatures.length; start += signaturesPerCall) {
    const ids = signatures.slice(start, start + signaturesPerCall);
    const statuses = await rpc.signatureStatuses(ids, options);
    statuses.forEach((status, index) => {
      const id = ids[index];
      if (status !== null && id !== undefined) found.set(id, status);
    });
  }
  return found;
}
