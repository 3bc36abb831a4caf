import { expect } from 'vitest';
import type { FleetScene } from '../../fleet/fleet-scene.js';
import { evmNetwork } from '../../support/test-facilitator.js';

/** How many transactions carried several payments, in words. A run in which nearly none did would try no fault on any. */
export async function countShared({ database }: FleetScene): Promise<string> {
  const rows = await database.sql<{ legs: bigint; outbids: boolean }>`
    SELECT count(*) AS legs, sent.replaces IS NOT NULL AS outbids FROM transaction_leg JOIN chain_transaction AS sent ON sent.id = transaction_id
    WHERE sent.network = ${evmNetwork} GROUP BY sent.id`;
  const shared = rows.map(({ legs }) => Number(legs)).filter((legs) => legs > 1);
  expect(shared.length).toBeGreaterThanOrEqual(leastShared);
  const payments = shared.reduce((sum, legs) => sum + legs, 0);
  const outbidding = rows.filter(({ outbids }) => outbids).length;
  const most = Math.max(...shared);
  return `${shared.length} of ${rows.length} transactions carried ${payments} payments together, at most ${most}; ${outbidding} outbid another`;
}

/** The first crowd alone makes more, as a rule. */
const leastShared = 3;
