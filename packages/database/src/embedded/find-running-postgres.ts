import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { clusterPaths, databaseUrlOf, readPassword } from './cluster-folder.js';
import { lockHolder } from './data-dir-lock.js';
import { readPostmasterFile } from './postmaster.js';

/** The logins of a server that somebody else started and will stop. */
export interface RunningPostgres {
  readonly ownerUrl: string;
  readonly appUrl: string;
}

/**
 * Finds the server that another live process of ours runs on a data folder, so that a command can work beside a service.
 * Undefined where none runs, or where it is only starting or stopping.
 */
export function findRunningPostgres(dataDir: string): RunningPostgres | undefined {
  const paths = clusterPaths(resolve(dataDir));
  if (!existsSync(paths.dataDir)) return undefined;
  if (lockHolder(paths.dataDir)?.alive !== true) return undefined;
  const server = readPostmasterFile(paths.clusterDir);
  const password = readPassword(paths.passwordFile);
  if (server?.ready !== true || server.port === undefined || password === undefined) return undefined;
  const url = databaseUrlOf({ password, port: server.port });
  return { ownerUrl: url, appUrl: url };
}
