import type { Database } from '@tollkeeper/database';
import type { Authorization, Rejection } from '@tollkeeper/protocol';
import type { Environment } from '../config/config.js';

/** Decides whether we pay the gas of a settlement to this payTo. Undefined: we do. */
export type PayToPolicy = (authorization: Authorization) => Promise<Rejection | undefined>;

/**
 * Production settles only to addresses that are registered here: without that, anybody could spend our gas on payments to
 * themselves. Outside production anyone may be paid, as stock clients and the official end-to-end suite expect.
 */
export function createPayToPolicy(parts: {
  readonly environment: Environment;
  readonly database: Database;
}): PayToPolicy {
  if (parts.environment !== 'production') return () => Promise.resolve(undefined);
  return async ({ asset, payTo }) => {
    const registered = await parts.database.sql`
      SELECT 1 FROM deposit_address WHERE network = ${asset.network} AND address = ${payTo}`;
    if (registered.length > 0) return undefined;
    return {
      reason: 'pay_to_not_registered',
      detail: 'This facilitator settles only to registered addresses; create a wallet and use its deposit address',
    };
  };
}
