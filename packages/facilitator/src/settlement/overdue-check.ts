import type { Database } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import type { NamedCheck } from '../readiness.js';
import { countOverdue } from './overdue-payments.js';

/** Says that payments have no outcome for too long. That keeps nobody from being served. */
export function overdueCheck(parts: { readonly database: Database; readonly network: Network }): NamedCheck {
  const { database, network } = parts;
  let overdue = 0;
  return {
    name: `outcomes ${network}`,
    run: async () => {
      // A database that does not answer has a check of its own.
      const [counted] = await countOverdue(database, [network]).catch(() => []);
      overdue = counted?.count ?? 0;
      return undefined;
    },
    remark: () => (overdue === 0 ? undefined : `${overdue} ${overdue === 1 ? payment : payments}`),
    withoutAnswer: 'The database does not tell which payments have no outcome: start it, or correct DATABASE_URL',
  };
}

const payment =
  'payment was sent long ago and has no outcome: see "A payment without an outcome" in docs/operations.md';
const payments =
  'payments were sent long ago and have no outcome: see "A payment without an outcome" in docs/operations.md';
