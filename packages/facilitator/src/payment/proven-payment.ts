import type { AcceptablePayment, Authorization, Payment, Rejection, X402Version } from '@tollkeeper/protocol';
import type { SchemeRegistry } from './scheme-registry.js';

/** A payment whose payer's consent is proven. Whether it may start a settlement is another question. */
export interface ProvenPayment {
  readonly x402Version: X402Version;
  /** What was presented; the settlement keeps it, so that any process can go on with it. */
  readonly request: Payment;
  readonly authorization: Authorization;
  /** How to go on, or why a new settlement may not start; an earlier one can be joined in both cases. */
  readonly start: { readonly acceptable: AcceptablePayment } | { readonly rejection: Rejection };
}

export type Proof =
  | { readonly proven: true; readonly payment: ProvenPayment }
  | { readonly proven: false; readonly rejection: Rejection; readonly payer?: string };

/** Every check that needs neither the chain nor the database; the same for verify and settle. */
export type Prove = (payment: Payment) => Promise<Proof>;

export function createProver(parts: {
  readonly schemes: SchemeRegistry;
  /** Minor units; what is less is not worth its network fee. */
  readonly minimumAmount: bigint;
}): Prove {
  return async function prove(payment) {
    const found = parts.schemes.find(payment);
    if ('rejection' in found) return { proven: false, rejection: found.rejection };
    if (payment.requirements.amount === 0n) return refused('amount must be greater than zero');
    if (payment.requirements.amount < parts.minimumAmount) {
      return refused(`This facilitator settles amounts of ${parts.minimumAmount} minor units and more`);
    }
    const examination = await found.handler.examine(payment);
    if (examination.kind === 'refused') {
      const { rejection, payer } = examination;
      return { proven: false, rejection, ...(payer === undefined ? {} : { payer }) };
    }
    const { authorization } = examination.kind === 'lapsed' ? examination : examination.payment;
    const start =
      examination.kind === 'lapsed' ? { rejection: examination.rejection } : { acceptable: examination.payment };
    return { proven: true, payment: { x402Version: payment.x402Version, request: payment, authorization, start } };
  };
}

function refused(detail: string): Proof {
  return { proven: false, rejection: { reason: 'invalid_payment_requirements', detail } };
}
