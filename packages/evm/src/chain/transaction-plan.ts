import type { TransactionPlan } from '@tollkeeper/protocol';
import type { TransactionSigner, UnsignedTransaction } from './transaction-signer.js';

/**
 * A plan to sign one transaction, with whatever account nonce it gets. Its maximum fee is that of the gas; what a rollup charges
 * for the data comes on top, and no field of a transaction bounds it.
 */
export function planTransaction(signer: TransactionSigner, transaction: UnsignedTransaction): TransactionPlan {
  return {
    signer: signer.address,
    ordered: true,
    maximumFee: transaction.gasLimit * transaction.fee.maxFeePerGas,
    sign(accountNonce) {
      if (accountNonce === undefined) throw new TypeError('An EVM transaction is signed with an account nonce');
      return signer.sign(transaction, accountNonce);
    },
  };
}
