import type { Database } from '@tollkeeper/database';
import type { PaymentReport } from '@tollkeeper/protocol';
import { overdueSeconds } from './overdue-payments.js';
import { paymentStateOf, type PaymentRow } from './payment-row.js';

/** A payment with what was sent for it and what proves it, all as of one moment. Numbers are text, as JSON would round them. */
interface ReportRow extends PaymentRow {
  readonly isOverdue: boolean;
  readonly attempts: readonly AttemptRow[];
  readonly evidence: EvidenceRow | null;
}

interface AttemptRow {
  readonly transaction: string;
  readonly signer: string;
  readonly accountNonce: string | null;
  readonly signedAt: string;
  readonly feePaid: string | null;
}

interface EvidenceRow {
  readonly transaction: string;
  readonly position: string;
  readonly blockNumber: string;
  readonly blockHash: string;
  readonly isCredited: boolean;
  readonly finalAt: string | null;
  readonly reversedAt: string | null;
}

/** Tells everything that is known about a payment, as it goes over the wire. */
export function createPaymentReport({ database }: { readonly database: Database }) {
  return async function report(paymentId: string): Promise<PaymentReport | undefined> {
    const [row] = await database.sql<ReportRow>`
      SELECT payment_status.*,
        state = 'submitted' AND coalesce("submittedAt" < now() - make_interval(secs => ${overdueSeconds}), false) AS "isOverdue",
        coalesce((
          SELECT jsonb_agg(jsonb_build_object('transaction', sent.transaction, 'signer', sent.signer,
            'accountNonce', sent.account_nonce::text, 'signedAt', sent.signed_at, 'feePaid', sent.fee_paid::text) ORDER BY sent.id)
          FROM transaction_leg AS leg JOIN chain_transaction AS sent ON sent.id = leg.transaction_id
          WHERE leg.payment_id = payment_status.id
        ), '[]'::jsonb) AS attempts,
        (
          SELECT jsonb_build_object('transaction', transaction, 'position', position, 'blockNumber', block_number::text,
            'blockHash', block_hash, 'isCredited', journal_id IS NOT NULL, 'finalAt', final_at, 'reversedAt', reversed_at)
          FROM effect WHERE effect.payment_id = payment_status.id
        ) AS evidence
      FROM payment_status WHERE id = ${paymentId}::uuid`;
    if (row === undefined) return undefined;
    return {
      ...describe(row),
      overdue: row.isOverdue,
      attempts: row.attempts.map(attemptOf),
      evidence: row.evidence && evidenceOf(row.evidence),
    };
  };
}

function attemptOf(row: AttemptRow): PaymentReport['attempts'][number] {
  return { ...row, signedAt: isoTime(row.signedAt) };
}

function evidenceOf(row: EvidenceRow): NonNullable<PaymentReport['evidence']> {
  const { isCredited, finalAt, reversedAt, ...place } = row;
  return {
    ...place,
    credited: isCredited && reversedAt === null,
    finality: finalAt !== null ? 'final' : reversedAt !== null ? 'reversed' : 'confirmed',
    finalAt: finalAt && isoTime(finalAt),
    reversedAt: reversedAt && isoTime(reversedAt),
  };
}

/** PostgreSQL writes times in JSON with microseconds and an offset. */
function isoTime(text: string): string {
  return new Date(text).toISOString();
}

function describe(row: PaymentRow): Omit<PaymentReport, 'overdue' | 'attempts' | 'evidence'> {
  return {
    id: row.id,
    // A refused claim is gone the moment after its caller was told.
    state: row.state === 'refused' ? 'claimed' : row.state,
    paymentState: paymentStateOf(row),
    scheme: row.scheme,
    network: row.network,
    asset: row.token,
    amount: row.amount.toString(),
    payer: row.payer,
    payTo: row.payTo,
    transaction: row.transaction,
    failure: row.failureReason === null ? null : { reason: row.failureReason, detail: row.failureDetail },
    claimedAt: row.claimedAt.toISOString(),
    submittedAt: row.submittedAt?.toISOString() ?? null,
    concludedAt: row.concludedAt?.toISOString() ?? null,
    answerDeliveredAt: row.deliveredAt?.toISOString() ?? null,
  };
}
