import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase, startEmbeddedPostgres } from '@tollkeeper/database';
import pg from 'pg';
import { cpuMsOfFamily } from './process-usage.js';

/** A throw-away PostgreSQL with its ordinary, durable settings. */
export interface BenchPostgres {
  readonly url: string;
  /** Copies the database, to which nobody may be connected, and answers the copy's address. */
  copy(): Promise<string>;
  /** Processor time of the server and all its backends so far, in milliseconds. */
  cpuMs(): number | undefined;
  /** Known once the database is migrated. */
  version(): Promise<string>;
  stop(): Promise<void>;
}

export async function startPostgres(dataDir: string): Promise<BenchPostgres> {
  // As many sessions as a PostgreSQL has by itself: several facilitators share it.
  const server = await startEmbeddedPostgres({
    dataDir,
    onWarning: () => undefined,
    settings: { max_connections: 100 },
  });
  // The first line of this file is the process id of the postmaster, the parent of every backend.
  const postmaster = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
  return {
    url: server.ownerUrl,
    copy: () => copyDatabase(server.ownerUrl),
    cpuMs: () => cpuMsOfFamily(postmaster),
    version: () => readVersion(server.appUrl),
    stop: () => server.stop(),
  };
}

async function copyDatabase(url: string): Promise<string> {
  const copy = new URL(url);
  const original = copy.pathname.slice(1);
  copy.pathname = `/${original}_${randomBytes(4).toString('hex')}`;
  const admin = new URL(url);
  admin.pathname = '/postgres';
  const client = new pg.Client({ connectionString: admin.toString() });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${copy.pathname.slice(1)} TEMPLATE ${original}`);
  } finally {
    await client.end();
  }
  return copy.toString();
}

async function readVersion(url: string): Promise<string> {
  const database = await openDatabase({ url, onWarning: () => undefined });
  try {
    const [row] = await database.sql<{ version: string }>`SELECT current_setting('server_version') AS version`;
    return row?.version ?? 'unknown';
  } finally {
    await database.close();
  }
}
