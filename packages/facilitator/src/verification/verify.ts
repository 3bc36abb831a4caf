import type { Rejection } from '@tollkeeper/protocol';
import type { ProvenPayment } from '../payment/proven-payment.js';
import { isForSameRequirements, type PaymentRow } from '../settlement/payment-row.js';
import type { PaymentStore } from '../settlement/payment-store.js';

/** Undefined: the payment holds. */
export type Verification = Rejection | undefined;

/**
 * Answers whether a settle call for this payment would succeed now. Writes nothing and reserves nothing.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` or `DATABASE_UNAVAILABLE`; neither is a verdict.
 */
export function createVerify(parts: { readonly store: PaymentStore }) {
  return async function verify(payment: ProvenPayment): Promise<Verification> {
    const row = await parts.store.findByClaimKey(payment.authorization.claimKey);
    if (row !== undefined && !isAbandoned(row)) {
      return isForSameRequirements(row, payment.authorization) ? known(row) : reused;
    }
    if ('rejection' in payment.start) return payment.start.rejection;
    const verdict = await payment.start.acceptable.verify();
    return verdict.valid ? undefined : verdict.rejection;
  };
}

/** A known payment is good only for a caller who may still collect its success. */
function known(row: PaymentRow): Verification {
  if (row.state === 'failed') {
    return {
      reason: row.failureReason ?? 'unexpected_verify_error',
      detail: row.failureDetail ?? 'The payment failed',
    };
  }
  if (row.delivered) return reused;
  if (row.state === 'settled') return row.delivering ? inFlight : undefined;
  return row.answerOpen ? undefined : inFlight;
}

/** Claimed by a process that died before it signed anything: as good as never claimed. */
function isAbandoned(row: PaymentRow): boolean {
  return row.state === 'claimed' && !row.leased;
}

const reused: Rejection = {
  reason: 'duplicate_settlement',
  detail: 'This authorization was used for a payment before',
};

const inFlight: Rejection = {
  reason: 'duplicate_settlement',
  detail: 'This payment is being settled by another request',
};
