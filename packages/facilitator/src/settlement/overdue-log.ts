import type { Database } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { findOverdue } from './overdue-payments.js';

/** So many are named, the oldest; the metric counts all. */
const namedMax = 100;

/** Logs each payment that has no outcome for too long, once in each process. */
export function createOverdueLog(parts: {
  readonly database: Database;
  readonly network: Network;
  readonly log: Logger;
}) {
  const { database, network, log } = parts;
  let named: ReadonlySet<string> = new Set();

  return async function look(): Promise<void> {
    const overdue = await findOverdue(database, { network, limit: namedMax });
    for (const payment of overdue) {
      if (!named.has(payment.paymentId))
        log.error({ network, ...payment }, 'a payment was sent long ago and has no outcome');
    }
    named = new Set(overdue.map(({ paymentId }) => paymentId));
  };
}
