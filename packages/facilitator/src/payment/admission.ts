import type { Rejection } from '@tollkeeper/protocol';
import { pauseOf } from '../controls/pause-of.js';
import type { ControlWatch } from '../controls/watch-controls.js';
import type { PaymentStore } from '../settlement/payment-store.js';
import type { PayToPolicy } from './pay-to-policy.js';
import type { ProvenPayment } from './proven-payment.js';

/**
 * Whether we deal with a proven payment at all: its payTo is one that we serve, and no operator has paused it. A payment that
 * was signed before a pause, or before its wallet was closed, goes on, and its callers get its answer: money that moved is told
 * of, whatever is stopped.
 * @throws Fault `SETTLEMENT_PAUSED` or `DATABASE_UNAVAILABLE`
 */
export type Admit = (payment: ProvenPayment) => Promise<Rejection | undefined>;

export function createAdmission(parts: {
  readonly payToPolicy: PayToPolicy;
  readonly controls: Pick<ControlWatch, 'pausing'>;
  readonly store: Pick<PaymentStore, 'findByClaimKey'>;
}): Admit {
  return async function admit({ authorization }) {
    const refusal = await parts.payToPolicy(authorization);
    const pause = pauseOf(parts.controls, authorization);
    if (refusal === undefined && pause === undefined) return undefined;
    const row = await parts.store.findByClaimKey(authorization.claimKey);
    if (row !== undefined && isSigned.has(row.state)) return undefined;
    if (refusal === undefined && pause !== undefined) throw pause;
    return refusal;
  };
}

const isSigned: ReadonlySet<string> = new Set(['submitted', 'settled', 'failed']);
