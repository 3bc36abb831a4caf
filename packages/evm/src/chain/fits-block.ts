import type { SignedTransaction } from '@tollkeeper/protocol';
import type { BlockGas } from '../gas/block-gas.js';
import { decodeTransaction } from './decode-transaction.js';
import type { FeeQuoting } from './fee-quote.js';

/**
 * Whether a transaction offers no more gas than a block holds now.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function fitsBlock(
  parts: { readonly quoteFee: FeeQuoting; readonly blockGas: BlockGas },
  sent: SignedTransaction,
): Promise<boolean> {
  // Looks at the newest block, if that was not done lately.
  await parts.quoteFee();
  const limit = parts.blockGas.limit();
  return limit === undefined || decodeTransaction(sent.raw).gasLimit <= limit;
}
