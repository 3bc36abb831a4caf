import type { Database, Sql } from '@tollkeeper/database';
import { amount, type Network, type SignedTransaction, type SubmittedTransaction } from '@tollkeeper/protocol';

/** A transaction of ours that has no outcome yet. */
export interface TransactionInFlight extends SubmittedTransaction {
  readonly paymentId: string;
  readonly signer: string;
  readonly accountNonce?: bigint;
}

/** Stores signed bytes, and moves the payment on with them, before anybody sends them. */
export async function storeSigned(
  transaction: Sql,
  signed: SignedTransaction & { readonly paymentId: string; readonly network: Network },
): Promise<void> {
  await transaction`
    WITH stored AS (
      INSERT INTO chain_transaction (network, signer, account_nonce, transaction, raw, last_valid_block_height)
      VALUES (${signed.network}, ${signed.signer}, ${signed.accountNonce ?? null}, ${signed.id}, ${signed.raw},
        ${signed.lastValidBlockHeight ?? null})
      RETURNING id
    )
    INSERT INTO transaction_leg (transaction_id, payment_id) SELECT id, ${signed.paymentId}::uuid FROM stored`;
  await transaction`
    UPDATE payment SET state = 'submitted', submitted_at = now(), transaction = ${signed.id}, lease_holder = NULL,
      lease_until = NULL
    WHERE id = ${signed.paymentId}::uuid`;
}

/** What was signed on a network and has no outcome, in the order of signing; of one payer's token only, where one is named. */
export async function findInFlight(
  database: Database,
  query: { readonly network: Network; readonly token?: string; readonly payer?: string },
): Promise<readonly TransactionInFlight[]> {
  const { network, token = null, payer = null } = query;
  const rows = await database.sql<SentTransactionRow>`
    SELECT payment.id AS "paymentId", payment.claim_key AS "claimKey", sent.signer, sent.account_nonce AS "accountNonce", sent.transaction, sent.raw,
      sent.last_valid_block_height AS "lastValidBlockHeight", payment.network, payment.token, payment.amount, payment.payer,
      payment.pay_to AS "payTo"
    FROM chain_transaction AS sent
    JOIN transaction_leg AS leg ON leg.transaction_id = sent.id
    JOIN payment ON payment.id = leg.payment_id
    WHERE payment.network = ${network} AND payment.state = 'submitted'
      AND (${token}::text IS NULL OR payment.token = ${token}) AND (${payer}::text IS NULL OR payment.payer = ${payer})
    ORDER BY sent.id`;
  return rows.map(readSentTransaction);
}

/** A stored transaction with what it is for. */
export function readSentTransaction(row: SentTransactionRow): TransactionInFlight {
  return {
    paymentId: row.paymentId,
    signer: row.signer,
    id: row.transaction,
    raw: row.raw,
    ...(row.accountNonce === null ? {} : { accountNonce: row.accountNonce }),
    ...(row.lastValidBlockHeight === null ? {} : { lastValidBlockHeight: row.lastValidBlockHeight }),
    expected: {
      asset: { network: row.network, token: row.token },
      payer: row.payer,
      payTo: row.payTo,
      amount: amount(row.amount),
      claimKey: row.claimKey,
    },
  };
}

export interface SentTransactionRow {
  readonly paymentId: string;
  readonly claimKey: string;
  readonly signer: string;
  readonly accountNonce: bigint | null;
  readonly transaction: string;
  readonly raw: Uint8Array;
  readonly lastValidBlockHeight: bigint | null;
  readonly network: Network;
  readonly token: string;
  readonly amount: bigint;
  readonly payer: string;
  readonly payTo: string;
}
