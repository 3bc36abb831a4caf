import type { SignedTransaction, TransactionPlan } from '@tollkeeper/protocol';
import { encodeBase58 } from '../address/base58.js';
import type { SvmSigner } from '../signing/secret-key.js';
import { blockhashLifetimeBlocks } from '../transaction/blockhash-lifetime.js';
import { serializeTransaction } from '../transaction/serialize-transaction.js';
import { maximumFeeOf } from './maximum-fee.js';
import type { RecentBank } from './recent-bank.js';
import type { ProvenPayment } from './verify-payment.js';

/**
 * Prepares our signature, the only thing that the transaction lacks. Nothing else in this package signs what others wrote.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the chain did not answer.
 */
export async function planSettlement(
  parts: { readonly recentBank: RecentBank; readonly signer: SvmSigner },
  payment: ProvenPayment,
): Promise<TransactionPlan> {
  const { slot, blockHeight } = await parts.recentBank();
  // The simulation knew the blockhash. Should this bank be older than the one that simulated, because it was asked for a moment
  // ago or of a node that lags behind, the slots between them bound the blocks between them; a height that is too low would
  // declare a live transaction dead.
  const slotsBehind = payment.simulatedInSlot > slot ? payment.simulatedInSlot - slot : 0n;
  const lastValidBlockHeight = blockHeight + slotsBehind + blockhashLifetimeBlocks;
  return {
    signer: parts.signer.address,
    ordered: false,
    maximumFee: maximumFeeOf(payment.transaction),
    sign: () => sign(parts.signer, payment, lastValidBlockHeight),
  };
}

function sign(signer: SvmSigner, payment: ProvenPayment, lastValidBlockHeight: bigint): SignedTransaction {
  const { message, signatures } = payment.transaction;
  const signature = signer.sign(message);
  return {
    id: encodeBase58(signature),
    raw: serializeTransaction({ signatures: [signature, ...signatures.slice(1)], message }),
    signer: signer.address,
    lastValidBlockHeight,
  };
}
