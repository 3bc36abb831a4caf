import type { Database } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import type { CountInState } from '../metrics/metrics.js';

/** How many payments have no outcome yet, by network and state, zeros included. Reads only what is in flight. */
export async function settlementsInFlight(
  database: Database,
  networks: readonly Network[],
): Promise<readonly CountInState[]> {
  const rows = await database.sql<{ network: string; state: string; count: bigint }>`
    SELECT network, state, count(waiting.id) AS count
    FROM unnest(${networks}::text[]) AS network
    CROSS JOIN unnest(ARRAY['claimed', 'submitted']) AS state
    LEFT JOIN (
      SELECT id, network, state FROM payment WHERE id = ANY(ARRAY(SELECT payment_id FROM payment_in_flight))
    ) AS waiting USING (network, state)
    GROUP BY network, state`;
  return rows.map(({ network, state, count }) => ({ network, state, count: Number(count) }));
}
