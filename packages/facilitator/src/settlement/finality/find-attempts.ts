import type { Database } from '@tollkeeper/database';
import { readSentTransaction, type SentTransactionRow, type TransactionInFlight } from '../chain-transactions.js';

/** Every transaction that we ever signed for these payments, in the order of signing: any of them may move the money. */
export async function findAttempts(
  { sql }: Database,
  paymentIds: readonly string[],
): Promise<readonly TransactionInFlight[]> {
  const rows = await sql<SentTransactionRow>`
    SELECT payment.id AS "paymentId", payment.claim_key AS "claimKey", sent.signer, sent.account_nonce AS "accountNonce", sent.transaction, sent.raw,
      sent.last_valid_block_height AS "lastValidBlockHeight", payment.network, payment.token, payment.amount, payment.payer,
      payment.pay_to AS "payTo"
    FROM chain_transaction AS sent
    JOIN transaction_leg AS leg ON leg.transaction_id = sent.id
    JOIN payment ON payment.id = leg.payment_id
    WHERE payment.id = ANY(${paymentIds}::uuid[])
    ORDER BY sent.id`;
  return rows.map(readSentTransaction);
}
