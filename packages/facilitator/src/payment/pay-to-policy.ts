import type { Database } from '@tollkeeper/database';
import { createBatcher, type Authorization, type Rejection } from '@tollkeeper/protocol';
import type { Environment } from '../config/config.js';

/** Decides whether we pay the gas of a settlement to this payTo. Undefined: we do. */
export type PayToPolicy = (authorization: Authorization) => Promise<Rejection | undefined>;

/** Concurrent callers share a statement, up to so many in one. */
const addressesPerStatement = 200;

/**
 * Production settles only to addresses that are registered here: without that, anybody could spend our gas on payments to
 * themselves. Outside production anyone may be paid, as stock clients and the official end-to-end suite expect.
 */
export function createPayToPolicy(parts: {
  readonly environment: Environment;
  readonly database: Database;
}): PayToPolicy {
  if (parts.environment !== 'production') return () => Promise.resolve(undefined);
  const isRegistered = createBatcher({
    run: (payees: readonly Payee[]) => findRegistered(parts.database, payees),
    maximumItems: addressesPerStatement,
  });
  return async ({ asset, payTo }) => {
    if (await isRegistered({ network: asset.network, address: payTo })) return undefined;
    return {
      reason: 'pay_to_not_registered',
      detail: 'This facilitator settles only to registered addresses; create a wallet and use its deposit address',
    };
  };
}

interface Payee {
  readonly network: string;
  readonly address: string;
}

/** Asked anew each time and never remembered, so that what the database says holds at once. */
async function findRegistered({ sql }: Database, payees: readonly Payee[]): Promise<readonly boolean[]> {
  const networks = [...new Set(payees.map(({ network }) => network))];
  const addresses = [...new Set(payees.map(({ address }) => address))];
  const rows = await sql<Payee>`
    SELECT network, address FROM deposit_address
    WHERE network = ANY(${networks}::text[]) AND address = ANY(${addresses}::text[])`;
  const registered = new Set(rows.map(keyOf));
  return payees.map((payee) => registered.has(keyOf(payee)));
}

function keyOf({ network, address }: Payee): string {
  return `${network} ${address}`;
}
