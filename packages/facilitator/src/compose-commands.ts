import type { Database } from '@tollkeeper/database';
import { createLedger, createStatementReader } from '@tollkeeper/ledger';
import { systemClock, type Asset } from '@tollkeeper/protocol';
import { createCustody } from './compose-custody.js';
import { encryptionKeys } from './compose-keys.js';
import { openNetworks } from './compose-networks.js';
import type { Config } from './config/config.js';
import type { Wallets } from './custody/wallets.js';
import { createFeeAdministration, type FeeAdministration } from './fees/fee-administration.js';
import type { Logger } from './logging/logger.js';
import { createWalletStatements, type WalletStatements } from './statements/wallet-statements.js';
import { openStorage } from './storage.js';
import { createTenantAdministration, type TenantAdministration } from './tenancy/tenant-administration.js';

/** Wallets without the service, for the command line. Prepares nothing on chain by itself. */
export async function composeWallets(
  config: Config,
  log: Logger,
): Promise<{
  readonly wallets: Wallets;
  readonly statements: WalletStatements;
  readonly fees: FeeAdministration;
  /** The configured assets; the ledger may know others. */
  readonly assets: readonly Asset[];
  readonly database: Database;
  readonly close: () => Promise<void>;
}> {
  const networks = await openNetworks(config, { clock: systemClock, onRpcCall: () => undefined, log });
  const storage = await openStorage(config, { log, beside: true });
  const { database } = storage;
  const { wallets } = createCustody({
    networks,
    database,
    ledger: createLedger({ database }),
    keys: await encryptionKeys(config),
    clock: systemClock,
  });
  const statements = createWalletStatements({ database, reader: createStatementReader({ database }) });
  const fees = createFeeAdministration({ database });
  const assets = networks.flatMap((network) => network.assets);
  return { wallets, statements, fees, assets, database, close: () => storage.close() };
}

/** Merchants, keys and the audit without the service, for the command line. */
export async function composeTenants(
  config: Config,
  log: Logger,
): Promise<{
  readonly tenants: TenantAdministration;
  readonly database: Database;
  readonly close: () => Promise<void>;
}> {
  const storage = await openStorage(config, { log, beside: true });
  const { database } = storage;
  const tenants = createTenantAdministration({ database, clock: systemClock, environment: config.environment });
  return { tenants, database, close: () => storage.close() };
}
