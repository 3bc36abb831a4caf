import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '@tollkeeper/protocol';
import type { WarningSink } from '../warning-sink.js';
import type { ClusterPaths } from './cluster-folder.js';
import { readPostmasterFile, stopPostmaster } from './postmaster.js';
import { startProgram } from './run-program.js';
import type { ServerPrograms } from './server-programs.js';

/** A running server, our child. */
export interface Server {
  readonly port: number;
  /** Stops it and returns when it is gone. Safe to call again. */
  readonly stop: () => Promise<void>;
}

/** Settings of the server by name. */
export type ServerSettings = Readonly<Record<string, string | number>>;

interface ServerParts {
  readonly programs: ServerPrograms;
  readonly settings: ServerSettings;
  readonly onWarning: WarningSink;
}

/** For a port that somebody else took in between. */
const ATTEMPTS = 3;
/** For the processes of a killed server, which hold its memory until they notice: the pauses add up to 13 s. */
const ATTEMPTS_AFTER_CRASH = 8;
const FIRST_PAUSE_MS = 100;
const POLL_MS = 5;
/** Recovery after a crash is part of the start. */
const START_TIMEOUT_MS = 60_000;

/** Durable, small, and quiet; reachable from this machine only. */
const SETTINGS: ServerSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  max_connections: 40,
  shared_buffers: '32MB',
  huge_pages: 'off',
  jit: 'off',
  io_method: 'sync',
  max_parallel_workers: 0,
  max_wal_senders: 0,
  wal_level: 'minimal',
  max_wal_size: '256MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // LOG and worse, but not the errors of statements: those go to whoever sent the statement.
  log_min_messages: 'log',
  log_checkpoints: 'off',
};

/** Starts the server and returns when it accepts connections, after recovery if it crashed before. */
export async function startServer(paths: ClusterPaths, parts: ServerParts): Promise<Server> {
  const hasCrashed = existsSync(join(paths.clusterDir, 'postmaster.pid'));
  const attempts = hasCrashed ? ATTEMPTS_AFTER_CRASH : ATTEMPTS;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const server = await tryStart(paths, parts);
    if (server !== undefined) return server;
    if (attempt < attempts) await delay(FIRST_PAUSE_MS * 2 ** (attempt - 1));
  }
  throw new Fault('DATA_DIR_UNUSABLE', { dataDir: paths.dataDir, detail: endOfLog(paths.logFile) });
}

async function tryStart(paths: ClusterPaths, parts: ServerParts): Promise<Server | undefined> {
  const { clusterDir, logFile } = paths;
  const port = await findFreePort();
  const settings = Object.entries({ ...SETTINGS, ...parts.settings, port });
  const args = ['-D', clusterDir, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const log = openSync(logFile, 'w', 0o600);
  const child = startProgram(parts.programs.postgres, args, { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  // One that cannot be started has no id, and says so in an event that would end the process if nobody heard it.
  child.on('error', () => undefined);
  const { pid } = child;
  if (pid === undefined) return undefined;
  const state = { running: true, stopping: false };
  watch(child, () => {
    if (!state.stopping) parts.onWarning('The embedded database server ended by itself');
    state.running = false;
  });
  const stop = async () => {
    state.stopping = true;
    if (state.running) await stopPostmaster(pid, clusterDir);
  };
  for (let waited = 0; waited < START_TIMEOUT_MS && state.running; waited += POLL_MS) {
    const file = readPostmasterFile(clusterDir);
    if (file?.ready === true && file.pid === pid) return { port, stop };
    await delay(POLL_MS);
  }
  await stop();
  return undefined;
}

/** A process that ends without stopping its database takes it along; only SIGKILL leaves an orphan. */
function watch(child: ChildProcess, onEnd: () => void): void {
  const killOnExit = () => child.kill('SIGINT');
  process.on('exit', killOnExit);
  child.on('exit', () => {
    process.removeListener('exit', killOnExit);
    onEnd();
  });
  child.unref();
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(address === null || typeof address === 'string' ? 0 : address.port));
    });
  });
}

function endOfLog(logFile: string): string {
  return readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join(' | ');
}
