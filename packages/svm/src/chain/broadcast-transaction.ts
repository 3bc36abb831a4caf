import { isFault, type Broadcast, type SignedTransaction } from '@tollkeeper/protocol';
import { isAlreadyProcessed } from '../rpc/rpc-error.js';
import type { SolanaRpc } from '../rpc/solana-rpc.js';

/** Hands signed bytes to the node. Whether they land is seen by observing, whatever this answers. */
export async function broadcastTransaction(rpc: SolanaRpc, transaction: SignedTransaction): Promise<Broadcast> {
  try {
    const answer = await rpc.send(transaction.raw);
    if (!answer.refused || isAlreadyProcessed(answer.message)) return { accepted: true };
    return { accepted: false, detail: `refused with code ${answer.code}` };
  } catch (error) {
    if (!isFault(error, 'CHAIN_RPC_UNAVAILABLE')) throw error;
    return { accepted: false, detail: String(error.facts['trouble'] ?? 'no answer') };
  }
}
