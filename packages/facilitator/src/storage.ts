import {
  findRunningPostgres,
  migrate,
  openDatabase,
  pendingMigrations,
  startEmbeddedPostgres,
  type Database,
} from '@tollkeeper/database';
import { Fault, type Chain, type Network } from '@tollkeeper/protocol';
import type { Config, Environment } from './config/config.js';
import type { Logger } from './logging/logger.js';

/** An open database, and how to let go of it and of the server that was started for it. */
export interface Storage {
  readonly database: Database;
  close(): Promise<void>;
}

/**
 * Opens the database that the configuration names, or the embedded one. Development migrates it by itself; production
 * refuses a database that lacks migrations, because the deployment runs `tollkeeper migrate` first.
 * @throws Fault `MIGRATIONS_PENDING`, `DATABASE_UNAVAILABLE`, `DATA_DIR_IN_USE`, `ENVIRONMENT_MISMATCH`
 */
export async function openStorage(
  config: Config,
  parts: { readonly log: Logger; readonly beside: boolean },
): Promise<Storage> {
  const { log } = parts;
  const server = await locateServer(config, parts);
  try {
    if (config.environment !== 'production') await migrateOwned(server.ownerUrl, log);
    const database = await openDatabase({ url: server.appUrl, onWarning: warnTo(log) });
    try {
      const pending = await pendingMigrations({ sql: database.sql });
      if (pending.length > 0) throw new Fault('MIGRATIONS_PENDING', { first: pending[0], count: pending.length });
      await stampEnvironment(database, config.environment);
    } catch (error) {
      await database.close();
      throw error;
    }
    return {
      database,
      async close() {
        await database.close();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Applies the migrations that are missing and says which. */
export async function migrateOwned(ownerUrl: string, log: Logger): Promise<readonly string[]> {
  const result = await migrate({
    ownerUrl,
    onApplied: (migration) => {
      log.info({ migration }, 'migration applied');
    },
  });
  return result.applied;
}

export interface DatabaseServer {
  readonly ownerUrl: string;
  readonly appUrl: string;
  stop(): Promise<void>;
}

/**
 * The server of the configuration, or an embedded one that is ours to stop. With `beside`, a server that another process runs
 * on the data folder is used, so that a command works while the service runs.
 */
export async function locateServer(
  config: Config,
  parts: { readonly log: Logger; readonly beside: boolean },
): Promise<DatabaseServer> {
  const notOurs = { stop: () => Promise.resolve() };
  if (config.databaseUrl !== undefined) {
    const owner = config.databaseOwnerUrl ?? config.databaseUrl;
    return { appUrl: config.databaseUrl.reveal(), ownerUrl: owner.reveal(), ...notOurs };
  }
  const running = parts.beside ? findRunningPostgres(config.dataDir) : undefined;
  if (running !== undefined) return { ...running, ...notOurs };
  return startEmbeddedPostgres({ dataDir: config.dataDir, onWarning: warnTo(parts.log) });
}

/** The first process stamps the database with its environment; a process of another environment refuses it. */
async function stampEnvironment(database: Database, environment: Environment): Promise<void> {
  const stamped = await remember(database, { name: 'environment', value: environment });
  if (stamped !== environment) throw new Fault('ENVIRONMENT_MISMATCH', { database: stamped, process: environment });
}

async function remember(database: Database, setting: { name: string; value: string }): Promise<string> {
  await database.sql`INSERT INTO setting (name, value) VALUES (${setting.name}, ${setting.value}) ON CONFLICT DO NOTHING`;
  const [row] = await database.sql<{ value: string }>`SELECT value FROM setting WHERE name = ${setting.name}`;
  return row?.value ?? setting.value;
}

/**
 * Remembers which chain an id meant when it was first seen. A local chain that was started anew, or a node of a fork, has
 * the same id and another history: booking against it would corrupt the ledger.
 * @throws Fault `CHAIN_CHANGED`, `CHAIN_WRONG_NETWORK`, `CHAIN_RPC_UNAVAILABLE`
 */
export async function recogniseChain(database: Database, chain: Chain): Promise<void> {
  const identity = await chain.identify();
  await database.sql`
    INSERT INTO chain_identity (network, identity) VALUES (${chain.network}, ${identity}) ON CONFLICT DO NOTHING`;
  const known = await recallChain(database, chain.network);
  if (known !== undefined && known !== identity) {
    throw new Fault('CHAIN_CHANGED', { network: chain.network, known, found: identity });
  }
}

/** The first block of the chain that an id meant when it was first seen. */
export async function recallChain(database: Database, network: Network): Promise<string | undefined> {
  const [known] = await database.sql<{ identity: string }>`
    SELECT identity FROM chain_identity WHERE network = ${network}`;
  return known?.identity;
}

function warnTo(log: Logger): (message: string, error?: unknown) => void {
  return (message, error) => {
    log.warn(error === undefined ? {} : { err: error }, message);
  };
}
