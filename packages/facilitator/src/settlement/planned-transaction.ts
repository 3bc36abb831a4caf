import type { TransactionPlan } from '@tollkeeper/protocol';
import type { ReadyPayment } from './ready-payment.js';

/** A transaction that is ready to be signed, and the payments that it settles. */
export interface PlannedTransaction {
  readonly plan: TransactionPlan;
  readonly payments: readonly ReadyPayment[];
}
