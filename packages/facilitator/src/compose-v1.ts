import type { Database } from '@tollkeeper/database';
import {
  createCharges,
  createHolds,
  createStatementReader,
  createWalletTransfers,
  type Ledger,
} from '@tollkeeper/ledger';
import type { Clock } from '@tollkeeper/protocol';
import { canonicalAddress, createCustody } from './compose-custody.js';
import type { Config } from './config/config.js';
import type { CustodyNetwork } from './custody/deposit-addresses.js';
import { createDepositPreparation } from './custody/deposit-preparation.js';
import type { EncryptionKeys } from './custody/key-vault.js';
import type { Logger } from './logging/logger.js';
import { createV1Routes } from './routes/v1/v1-routes.js';
import { createCheckpointKeeping } from './statements/checkpoint-keeping.js';
import { createWalletStatements } from './statements/wallet-statements.js';

/** How often busy accounts are added up for their statements. */
const checkpointMs = 60_000;

/** What merchants do by the API, and what goes on behind it. */
export function composeV1(
  config: Config,
  parts: {
    readonly database: Database;
    readonly ledger: Ledger;
    readonly networks: readonly CustodyNetwork[];
    readonly keys: EncryptionKeys;
    readonly clock: Clock;
    readonly log: Logger;
  },
) {
  const { database, ledger, networks, clock, log } = parts;
  const { accounts, wallets, payouts } = createCustody(parts);
  const reader = createStatementReader({ database });
  const behind = [
    createDepositPreparation({ accounts, log }),
    createCheckpointKeeping({ reader, log, intervalMs: checkpointMs }),
  ];
  const routes = createV1Routes({
    clock,
    environment: config.environment,
    transfers: createWalletTransfers({ ledger }),
    transferLifetimeSeconds: config.transferLifetimeSeconds,
    holds: createHolds({ ledger }),
    charges: createCharges({ ledger }),
    wallets,
    payouts,
    statements: createWalletStatements({ database, reader }),
    canonicalAddress,
    assets: networks.flatMap((each) => each.assets),
  });
  return {
    routes,
    start() {
      for (const each of behind) each.start();
    },
    async stop() {
      await Promise.all(behind.map((each) => each.stop()));
    },
  };
}
