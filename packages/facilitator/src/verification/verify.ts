import type { Rejection, Verdict } from '@tollkeeper/protocol';
import type { Admit } from '../payment/admission.js';
import type { ProvenPayment } from '../payment/proven-payment.js';
import { isForSameRequirements, type PaymentRow } from '../settlement/payment-row.js';
import type { PaymentStore } from '../settlement/payment-store.js';

/** Undefined: the payment holds. */
export type Verification = Rejection | undefined;

/**
 * Answers whether a settle call for this payment would succeed now. Writes nothing and reserves nothing.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE`, `DATABASE_UNAVAILABLE` or `SETTLEMENT_PAUSED`; none of them is a verdict.
 */
export function createVerify(parts: { readonly admit: Admit; readonly store: PaymentStore }) {
  return async function verify(payment: ProvenPayment): Promise<Verification> {
    // The database and the chain are asked at the same time, because a caller waits for both; only who gets as far as the
    // chain's verdict learns that there is none.
    const chain = askChain(payment);
    chain.catch(() => undefined);
    const [refusal, row] = await Promise.all([
      parts.admit(payment),
      parts.store.findByClaimKey(payment.authorization.claimKey),
    ]);
    if (refusal !== undefined) return refusal;
    if (row !== undefined && !isAbandoned(row)) {
      if (!isForSameRequirements(row, payment.authorization)) return reused;
      return known(row) ?? (row.state === 'settled' && (await parts.store.isLost(row.id)) ? takenBack : undefined);
    }
    const verdict = await chain;
    return verdict.valid ? undefined : verdict.rejection;
  };
}

async function askChain({ start }: ProvenPayment): Promise<Verdict> {
  return 'rejection' in start ? { valid: false, rejection: start.rejection } : start.acceptable.verify();
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

const takenBack: Rejection = {
  reason: 'unexpected_verify_error',
  detail: 'A reorganisation of the chain has undone the transfer, and no block can hold it any more',
};

const inFlight: Rejection = {
  reason: 'duplicate_settlement',
  detail: 'This payment is being settled by another request',
};
