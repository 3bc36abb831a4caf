import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Fault } from '@tollkeeper/protocol';
import type { WarningSink } from '../warning-sink.js';
import { runToEnd } from './run-program.js';
import type { ServerPrograms } from './server-programs.js';

/** Where an embedded database keeps its things. */
export interface ClusterPaths {
  readonly dataDir: string;
  readonly clusterDir: string;
  readonly passwordFile: string;
  readonly logFile: string;
}

/** The superuser of the cluster, who owns the schema. */
const ownerLogin = 'tollkeeper';

const DRAFT_PREFIX = 'postgres.init-';

/** Names the paths under a data folder and creates the folder; under root, the server's own user must pass through it. */
export function prepareDataDir(dataDir: string): ClusterPaths {
  const absolute = resolve(dataDir);
  try {
    mkdirSync(absolute, { recursive: true, mode: 0o700 });
    if (process.getuid?.() === 0) chmodSync(absolute, (statSync(absolute).mode & 0o7777) | 0o011);
  } catch (error) {
    throw new Fault('DATA_DIR_UNUSABLE', { dataDir: absolute }, { cause: error });
  }
  return clusterPaths(absolute);
}

/** Names the paths under a data folder, which is absolute, and touches nothing. */
export function clusterPaths(dataDir: string): ClusterPaths {
  return {
    dataDir,
    clusterDir: join(dataDir, 'postgres'),
    passwordFile: join(dataDir, 'postgres-password'),
    logFile: join(dataDir, 'postgres.log'),
  };
}

/** The database of the service in an embedded cluster. */
export const serviceDatabase = 'tollkeeper';

/** The superuser's login; `database` is the service's unless another is named. */
export function databaseUrlOf(server: { password: string; port: number; database?: string }): string {
  const { password, port, database = serviceDatabase } = server;
  return `postgres://${ownerLogin}:${password}@127.0.0.1:${port}/${database}`;
}

/**
 * Makes sure that there is a whole cluster and answers its password. A cluster is made under another name and renamed
 * when it is complete, so that one whose making was interrupted is never taken for real; it is thrown away.
 */
export async function ensureCluster(
  paths: ClusterPaths,
  parts: { programs: ServerPrograms; durable: boolean; onWarning: WarningSink },
): Promise<string> {
  await removeDrafts(paths.dataDir, parts.onWarning);
  const exists = existsSync(paths.clusterDir);
  const password = readPassword(paths.passwordFile);
  if (exists && password === undefined) {
    const detail = `${paths.passwordFile} is missing; put it back or move the folder ${paths.clusterDir} away`;
    throw new Fault('DATA_DIR_UNUSABLE', { dataDir: paths.dataDir, detail });
  }
  const kept = password ?? (await createPassword(paths.passwordFile));
  if (!exists) await createCluster(paths, { ...parts, password: kept });
  return kept;
}

async function createCluster(
  paths: ClusterPaths,
  parts: { programs: ServerPrograms; durable: boolean; password: string },
): Promise<void> {
  const { initdb, account } = parts.programs;
  const draft = join(paths.dataDir, `${DRAFT_PREFIX}${randomUUID()}`);
  const clusterDir = join(draft, 'cluster');
  const passwordCopy = join(draft, 'password');
  mkdirSync(draft, { mode: 0o700 });
  await writeFile(passwordCopy, parts.password, { mode: 0o600 });
  if (account !== undefined) for (const path of [draft, passwordCopy]) chownSync(path, account.uid, account.gid);
  const identity = [`--username=${ownerLogin}`, `--pwfile=${passwordCopy}`, '--auth=scram-sha-256'];
  const content = ['--encoding=UTF8', '--no-locale', '--no-instructions'];
  const result = await runToEnd(initdb, [
    `--pgdata=${clusterDir}`,
    ...identity,
    ...content,
    ...(parts.durable ? [] : ['--no-sync']),
  ]);
  if (result.exitCode === 0) renameSync(clusterDir, paths.clusterDir);
  await rm(draft, { recursive: true, force: true });
  if (result.exitCode !== 0) {
    throw new Fault('DATA_DIR_UNUSABLE', { dataDir: paths.dataDir, detail: result.output.trim().slice(-500) });
  }
}

/** An initdb whose parent was killed may still be writing into its draft; what cannot be removed now is left to next time. */
async function removeDrafts(dataDir: string, onWarning: WarningSink): Promise<void> {
  for (const name of readdirSync(dataDir).filter((entry) => entry.startsWith(DRAFT_PREFIX))) {
    await rm(join(dataDir, name), { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) =>
      onWarning('A half-made database could not be removed', error),
    );
  }
}

/** The superuser's password; undefined before the cluster was made. */
export function readPassword(path: string): string | undefined {
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  return text === '' ? undefined : text;
}

async function createPassword(path: string): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, password, { mode: 0o600, flush: true });
  renameSync(draft, path);
  return password;
}
