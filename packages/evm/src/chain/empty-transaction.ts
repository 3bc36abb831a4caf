import type { TransactionSigner, UnsignedTransaction } from './transaction-signer.js';

/** A transfer of no ether to oneself, the least that a transaction can be. */
export function emptyTransaction(signer: TransactionSigner): Pick<UnsignedTransaction, 'to' | 'data' | 'gasLimit'> {
  return { to: signer.address, data: '0x', gasLimit: 21_000n };
}
