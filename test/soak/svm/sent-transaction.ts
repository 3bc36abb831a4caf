import { VersionedTransaction } from '@solana/web3.js';
import type { RpcProxyCall } from '@tollkeeper/sandbox';
import { encodeBase58 } from '../../svm/solana-payment.js';

/** What a transaction is called, what its payer's signature is, and which blockhash it names. */
export interface SentTransaction {
  readonly signature: string;
  readonly payerSignature: string;
  readonly blockhash: string;
}

/** The transaction that a call sends or simulates. */
export function transactionOf({ params }: RpcProxyCall): SentTransaction {
  const [text] = params as readonly string[];
  return readTransaction(text ?? '');
}

/** @param text the transaction in base64 */
export function readTransaction(text: string): SentTransaction {
  const { signatures, message } = VersionedTransaction.deserialize(Buffer.from(text, 'base64'));
  const [signature = new Uint8Array(), payerSignature = new Uint8Array()] = signatures;
  return {
    signature: encodeBase58(signature),
    payerSignature: encodeBase58(payerSignature),
    blockhash: message.recentBlockhash,
  };
}
