import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase, startEmbeddedPostgres } from '@tollkeeper/database';
import { cpuMsOfFamily } from './process-usage.js';

/** A throw-away PostgreSQL with its ordinary, durable settings. */
export interface BenchPostgres {
  readonly url: string;
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
    cpuMs: () => cpuMsOfFamily(postmaster),
    version: () => readVersion(server.appUrl),
    stop: () => server.stop(),
  };
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
