import type { Database } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import { findPendingIds, findTransactions, type SentTransaction } from './chain-transactions.js';
import type { Watch } from './watch.js';

/**
 * Brings a watch in line with the database: it follows what is in flight, whoever sent it, and no more what somebody else has
 * closed. Answers what it had not followed before.
 */
export async function followPending(
  watch: Watch,
  { database, network }: { readonly database: Database; readonly network: Network },
): Promise<readonly SentTransaction[]> {
  // What is sent while the database is asked is followed already, and not in its answer.
  const before = watch.followed();
  const pending = new Set(await findPendingIds(database, network));
  watch.drop([...before].filter((id) => !pending.has(id)));
  const followed = watch.followed();
  const fresh = await findTransactions(database, { network, ids: [...pending].filter((id) => !followed.has(id)) });
  for (const sent of fresh) watch.track(sent);
  return fresh;
}
