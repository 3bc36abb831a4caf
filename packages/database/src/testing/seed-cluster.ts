import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureCluster, prepareDataDir } from '../embedded/cluster-folder.js';
import { findServerPrograms } from '../embedded/server-programs.js';

const cacheFolder = fileURLToPath(new URL('../../../../node_modules/.cache/tollkeeper', import.meta.url));

/**
 * Fills a data folder with a cluster that was initialised once and is copied since, which takes a twentieth of the time.
 * It is kept where `npm ci` removes it, one for each version of the server.
 */
export async function seedDataDir(dataDir: string): Promise<void> {
  mkdirSync(cacheFolder, { recursive: true });
  const draft = prepareDataDir(join(cacheFolder, randomUUID()));
  try {
    const programs = await findServerPrograms(draft);
    const version = execFileSync(programs.postgres.file, [...programs.postgres.prefix, '--version'], {
      encoding: 'utf8',
    });
    const owner = programs.account?.uid ?? process.getuid?.() ?? 0;
    const seed = join(cacheFolder, `${version.trim().replaceAll(/[^\d.]+/g, '')}-${owner}`);
    if (!existsSync(seed)) {
      await ensureCluster(draft, { programs, durable: false, onWarning: () => undefined });
      moveUnlessThere({ from: draft.dataDir, to: seed });
    }
    const target = prepareDataDir(dataDir);
    execFileSync('cp', ['-a', `${seed}/.`, target.dataDir]);
  } finally {
    rmSync(draft.dataDir, { recursive: true, force: true });
  }
}

/** Another run may have made the same seed meanwhile; either will do. */
function moveUnlessThere({ from, to }: { from: string; to: string }): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}
