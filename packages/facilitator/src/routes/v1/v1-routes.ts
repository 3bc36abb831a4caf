import type { Charges, Holds, WalletTransfers } from '@tollkeeper/ledger';
import type { Asset, Clock } from '@tollkeeper/protocol';
import type { Environment } from '../../config/config.js';
import type { PayoutAddresses } from '../../custody/payout-addresses.js';
import type { Wallets } from '../../custody/wallets.js';
import type { V1Route } from '../../http/v1/route.js';
import type { WalletStatements } from '../../statements/wallet-statements.js';
import { apiKeyRoutes } from './api-keys.js';
import { auditRoutes } from './audit.js';
import { balanceRoutes } from './balances.js';
import { chargeRoutes } from './charges.js';
import { feeRoutes } from './fees.js';
import { holdRoutes } from './holds.js';
import type { CanonicalAddress } from './money-fields.js';
import { paymentRoutes } from './payments.js';
import { payoutAddressRoutes } from './payout-addresses.js';
import { statementRoutes } from './statements.js';
import { transferRoutes } from './transfers.js';
import { walletRoutes } from './wallets.js';

/** What the routes are made of. */
export interface V1RouteParts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly transfers: WalletTransfers;
  /** How long a transfer waits for its claim unless its request says otherwise. */
  readonly transferLifetimeSeconds: number;
  readonly holds: Holds;
  readonly charges: Charges;
  readonly wallets: Wallets;
  readonly payouts: PayoutAddresses;
  readonly statements: WalletStatements;
  readonly canonicalAddress: CanonicalAddress;
  /** What this facilitator takes payments in. */
  readonly assets: readonly Asset[];
}

/** Every route under `/v1`, in the order in which a merchant meets them. What is listed here is served, described and tried with foreign ids by the tests. */
export function createV1Routes(parts: V1RouteParts): readonly V1Route[] {
  return [
    ...apiKeyRoutes(parts),
    ...walletRoutes(parts),
    ...balanceRoutes(),
    ...statementRoutes(parts),
    ...paymentRoutes(parts),
    ...transferRoutes(parts),
    ...holdRoutes(parts),
    ...chargeRoutes(parts),
    ...payoutAddressRoutes(parts),
    ...feeRoutes(parts),
    ...auditRoutes(),
  ];
}
