import type { Database } from '@tollkeeper/database';
import { createClaimEndings, createClaims } from './claim-store.js';
import { createPaymentLookups } from './payment-lookups.js';
import { createQueuedPayments } from './queued-payments.js';

export type PaymentStore = ReturnType<typeof createPaymentStore>;

/**
 * The payment rows and who works on them. Every step is one guarded statement, so that two callers, in one process or in
 * several, can never both win.
 */
export function createPaymentStore(parts: {
  readonly database: Database;
  /** Names this process in leases. */
  readonly processId: string;
}) {
  return {
    processId: parts.processId,
    ...createPaymentLookups(parts.database),
    claim: createClaims(parts),
    ...createClaimEndings(parts),
    ...createQueuedPayments(parts),
  };
}
