import { Fault, type Authorization, type Payment } from '@tollkeeper/protocol';
import type { Proof } from '../payment/proven-payment.js';
import type { PaymentStore } from '../settlement/payment-store.js';
import type { Control } from './control.js';
import type { ControlWatch } from './watch-controls.js';

/** A pause lasts minutes rather than milliseconds. */
const retryAfterSeconds = 5;

/**
 * Lets no payment start that an operator has paused. One that was signed before goes on, and its callers get its answer: money
 * that moved is told of, whatever is paused.
 * @throws Fault `SETTLEMENT_PAUSED`
 */
export function createPauseGate(parts: {
  readonly prove: (payment: Payment) => Promise<Proof>;
  readonly controls: Pick<ControlWatch, 'pausing'>;
  readonly store: Pick<PaymentStore, 'findByClaimKey'>;
}) {
  return async function proveUnpaused(payment: Payment): Promise<Proof> {
    const proof = await parts.prove(payment);
    if (!proof.proven) return proof;
    const { authorization } = proof.payment;
    const pause = pauseOf(parts.controls, authorization);
    if (pause === undefined) return proof;
    const row = await parts.store.findByClaimKey(authorization.claimKey);
    if (row !== undefined && isSigned.has(row.state)) return proof;
    throw pause;
  };
}

/** What a caller is told while an operator keeps payments like this one from being signed; undefined while nobody does. */
export function pauseOf(controls: Pick<ControlWatch, 'pausing'>, authorization: Authorization): Fault | undefined {
  const active = controls.pausing(authorization);
  if (active === undefined) return undefined;
  return new Fault('SETTLEMENT_PAUSED', { detail: sentences[active.control.kind], retryAfterSeconds });
}

const isSigned: ReadonlySet<string> = new Set(['submitted', 'settled', 'failed']);

/** What a caller is told; the operator's reason stays inside. */
const sentences: Readonly<Record<Control['kind'], string>> = {
  settlement: 'Settlement is paused; nothing was signed, ask again later',
  merchant: 'Payments to this merchant are paused; nothing was signed, ask again later',
  asset: 'Payments in this asset are paused; nothing was signed, ask again later',
  outflows: 'Withdrawals of this asset are frozen',
};
