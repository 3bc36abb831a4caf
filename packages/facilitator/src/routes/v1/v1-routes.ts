import type { Charges, Holds, WalletTransfers } from '@tollkeeper/ledger';
import type { Clock } from '@tollkeeper/protocol';
import type { Environment } from '../../config/config.js';
import type { V1Route } from '../../http/v1/route.js';
import { apiKeyRoutes } from './api-keys.js';
import { auditRoutes } from './audit.js';
import { chargeRoutes } from './charges.js';
import { holdRoutes } from './holds.js';
import { transferRoutes } from './transfers.js';

/** What the routes are made of. */
export interface V1RouteParts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly transfers: WalletTransfers;
  /** How long a transfer waits for its claim unless its request says otherwise. */
  readonly transferLifetimeSeconds: number;
  readonly holds: Holds;
  readonly charges: Charges;
}

/** Every route under `/v1`. What is listed here is served, described and tried with foreign ids by the tests. */
export function createV1Routes(parts: V1RouteParts): readonly V1Route[] {
  return [
    ...apiKeyRoutes(parts),
    ...auditRoutes(),
    ...transferRoutes(parts),
    ...holdRoutes(parts),
    ...chargeRoutes(parts),
  ];
}
