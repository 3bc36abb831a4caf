import type { Database } from '@tollkeeper/database';
import { createBatcher, type Authorization, type Rejection } from '@tollkeeper/protocol';
import type { Environment } from '../config/config.js';

/** Decides whether we pay the gas of a settlement to this payTo. Undefined: we do. */
export type PayToPolicy = (authorization: Authorization) => Promise<Rejection | undefined>;

/** Concurrent callers share a statement, up to so many in one. */
const addressesPerStatement = 200;

/**
 * Production settles only to addresses that are registered here: without that, anybody could spend our gas on payments to
 * themselves. Outside production anyone may be paid, as stock clients and the official end-to-end suite expect. Nowhere is a
 * closed wallet paid.
 */
export function createPayToPolicy(parts: {
  readonly environment: Environment;
  readonly database: Database;
}): PayToPolicy {
  const standingOf = createBatcher({
    run: (payees: readonly Payee[]) => findStanding(parts.database, payees),
    maximumItems: addressesPerStatement,
    purpose: 'read',
  });
  return async ({ asset, payTo }) => {
    const standing = await standingOf({ network: asset.network, address: payTo });
    if (standing === 'open' || (standing === 'unknown' && parts.environment !== 'production')) return undefined;
    return { reason: 'pay_to_not_registered', detail: details[standing] };
  };
}

/** Whether an address belongs to a wallet, and whether that takes payments. */
type Standing = 'open' | 'closed' | 'unknown';

const details = {
  closed: 'The wallet of this address is closed and takes no payments any more',
  unknown: 'This facilitator settles only to registered addresses; create a wallet and use its deposit address',
};

interface Payee {
  readonly network: string;
  readonly address: string;
}

/** Asked anew each time and never remembered, so that what the database says holds at once. */
async function findStanding({ sql }: Database, payees: readonly Payee[]): Promise<readonly Standing[]> {
  const networks = [...new Set(payees.map(({ network }) => network))];
  const addresses = [...new Set(payees.map(({ address }) => address))];
  const rows = await sql<Payee & { closed: boolean }>`
    SELECT deposit.network, deposit.address, wallet.closed_at IS NOT NULL AS closed
    FROM deposit_address AS deposit JOIN wallet ON wallet.id = deposit.wallet_id
    WHERE deposit.network = ANY(${networks}::text[]) AND deposit.address = ANY(${addresses}::text[])`;
  const closed = new Map(rows.map((row) => [keyOf(row), row.closed]));
  return payees.map((payee) => {
    const isClosed = closed.get(keyOf(payee));
    if (isClosed === undefined) return 'unknown';
    return isClosed ? 'closed' : 'open';
  });
}

function keyOf({ network, address }: Payee): string {
  return `${network} ${address}`;
}
