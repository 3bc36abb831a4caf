import type { Database } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import type { CountInState } from '../../metrics/metrics.js';

/** How many effects are not final, by network and state, zeros included. Reads only the index of those. */
export async function unfinalEffects(
  database: Database,
  networks: readonly Network[],
): Promise<readonly CountInState[]> {
  const rows = await database.sql<{ network: string; state: string; count: bigint }>`
    SELECT network, state, count(unfinal.transaction) AS count
    FROM unnest(${networks}::text[]) AS network
    CROSS JOIN unnest(ARRAY['confirmed', 'reversed', 'lost']) AS state
    LEFT JOIN (
      SELECT network, transaction,
        CASE WHEN lost_at IS NOT NULL THEN 'lost' WHEN reversed_at IS NOT NULL THEN 'reversed' ELSE 'confirmed' END AS state
      FROM effect WHERE final_at IS NULL
    ) AS unfinal USING (network, state)
    GROUP BY network, state`;
  return rows.map(({ network, state, count }) => ({ network, state, count: Number(count) }));
}
