import { type Broadcast, isFault, type SignedTransaction } from '@tollkeeper/protocol';
import type { EvmNode } from '../rpc/evm-node.js';
import { isAlreadyKnown, RpcError, shortText } from '../rpc/rpc-error.js';

/** Sends signed bytes. Never throws: whatever happens here, only the chain says whether the money moved. */
export async function broadcastTransaction(node: EvmNode, transaction: SignedTransaction): Promise<Broadcast> {
  try {
    await node.sendRaw(transaction.raw);
    return { accepted: true };
  } catch (error) {
    if (!(error instanceof RpcError)) return notAccepted(error);
    if (isAlreadyKnown(error) || (await isThere(node, transaction.id))) return { accepted: true };
    return { accepted: false, detail: shortText(error) };
  }
}

/** A node that refuses bytes for their account nonce may have mined these very bytes before. */
async function isThere(node: EvmNode, id: string): Promise<boolean> {
  try {
    return await node.knowsTransaction(id);
  } catch {
    return false;
  }
}

function notAccepted(error: unknown): Broadcast {
  if (!isFault(error)) throw error;
  return { accepted: false, detail: `The node did not answer: ${String(error.facts['trouble'] ?? 'no details')}` };
}
