import type { Database } from '@tollkeeper/database';
import type { SettlementsInState } from '../metrics/metrics.js';

/** How many payments have no outcome yet, by network and state; it reads only the index of those. */
export async function settlementsInFlight(database: Database): Promise<readonly SettlementsInState[]> {
  const rows = await database.sql<{ network: string; state: string; count: bigint }>`
    SELECT network, state, count(*) AS count FROM payment
    WHERE state IN ('claimed', 'submitted')
    GROUP BY network, state`;
  return rows.map(({ network, state, count }) => ({ network, state, count: Number(count) }));
}
