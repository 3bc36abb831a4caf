import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockHolder } from '../embedded/data-dir-lock.js';
import { stopOrphan } from '../embedded/postmaster.js';
import { startEmbeddedPostgres } from '../embedded/start-embedded-postgres.js';
import { seedDataDir } from './seed-cluster.js';
import { createTemplate } from './template-database.js';

/** One server for a whole test run. */
export interface TestCluster {
  /** What `TEST_DATABASE_URL` has to be in the processes that run the tests. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

const FOLDER_PREFIX = 'tollkeeper-test-';

/** A test run needs speed, not durability: nothing of it survives the run. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  autovacuum: 'off',
  max_connections: 300,
  shared_buffers: '64MB',
};

/** Starts a server with a migrated template database, or prepares the template on the server that is named. */
export async function startTestCluster(existingUrl?: string): Promise<TestCluster> {
  if (existingUrl !== undefined) {
    await createTemplate(existingUrl);
    return { url: existingUrl, stop: () => Promise.resolve() };
  }
  await removeAbandoned();
  const dataDir = mkdtempSync(join(tmpdir(), FOLDER_PREFIX));
  await seedDataDir(dataDir);
  const server = await startEmbeddedPostgres({ dataDir, onWarning: () => undefined, settings: SETTINGS });
  await createTemplate(server.ownerUrl);
  const stop = async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { url: server.ownerUrl, stop };
}

/** A run that was killed leaves its server and its folder; other runs are alive and hold their lock. */
async function removeAbandoned(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(FOLDER_PREFIX))) {
    const dataDir = join(tmpdir(), name);
    try {
      if (lockHolder(dataDir)?.alive !== false) continue;
      await stopOrphan(join(dataDir, 'postgres'));
      rmSync(dataDir, { recursive: true, force: true });
    } catch {
      // It belongs to another user, or another run is removing it; either way it is not ours to clean.
    }
  }
}
