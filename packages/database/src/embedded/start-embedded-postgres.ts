import pg from 'pg';
import type { WarningSink } from '../warning-sink.js';
import { databaseUrlOf, ensureCluster, prepareDataDir, serviceDatabase } from './cluster-folder.js';
import { type DataDirLock, lockDataDir } from './data-dir-lock.js';
import { stopOrphan } from './postmaster.js';
import { type ServerSettings, startServer } from './server.js';
import { findServerPrograms } from './server-programs.js';

/** What an embedded database needs. */
export interface EmbeddedPostgresParts {
  /** The folder that keeps the cluster, its password, its log and the lock. */
  readonly dataDir: string;
  readonly onWarning: WarningSink;
  /** Settings of the server that differ from ours; a test cluster trades durability for speed. */
  readonly settings?: ServerSettings;
}

/** A PostgreSQL server that lives and dies with this process. */
export interface EmbeddedPostgres {
  /** A superuser's login, for migrations. */
  readonly ownerUrl: string;
  /** What the service connects with; `openDatabase` takes on the application's role. */
  readonly appUrl: string;
  /** Stops the server and gives the folder back. Safe to call again, and bounded. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts the PostgreSQL that npm installed, on a free port of 127.0.0.1, and creates its cluster at the first start.
 * It survives SIGKILL of this process: the next start stops what was left behind and recovers.
 *
 * Throws `DATA_DIR_IN_USE` while another live process uses the folder, and `DATA_DIR_UNUSABLE` with the detail when the
 * server cannot run.
 */
export async function startEmbeddedPostgres(parts: EmbeddedPostgresParts): Promise<EmbeddedPostgres> {
  const paths = prepareDataDir(parts.dataDir);
  const lock = lockDataDir(paths.dataDir);
  try {
    return await startLocked(paths, { ...parts, lock });
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(
  paths: ReturnType<typeof prepareDataDir>,
  parts: EmbeddedPostgresParts & { lock: DataDirLock },
): Promise<EmbeddedPostgres> {
  const { lock, onWarning, settings = {} } = parts;
  if (await stopOrphan(paths.clusterDir)) onWarning('A database server left behind by a killed process was stopped');
  const programs = await findServerPrograms(paths);
  const durable = settings['fsync'] !== 'off';
  const password = await ensureCluster(paths, { programs, durable, onWarning });
  const server = await startServer(paths, { programs, settings, onWarning });
  const url = databaseUrlOf({ password, port: server.port });
  try {
    await ensureDatabase(databaseUrlOf({ password, port: server.port, database: 'postgres' }));
  } catch (error) {
    await server.stop();
    throw error;
  }
  const stop = async () => {
    await server.stop();
    lock.release();
  };
  return { ownerUrl: url, appUrl: url, stop };
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [serviceDatabase]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${serviceDatabase}`);
  } finally {
    await client.end();
  }
}
