import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '@tollkeeper/protocol';
import { commandOfProcess, signalProcess, startOfProcess } from './running-process.js';

/** What a server writes about itself into its cluster's folder. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number | undefined;
  readonly ready: boolean;
}

const POLL_MS = 10;

/** SIGINT ends sessions and writes a checkpoint; SIGQUIT leaves recovery to the next start; SIGKILL is for a hung one. */
const STOP_STEPS: readonly { signal: NodeJS.Signals; waitMs: number }[] = [
  { signal: 'SIGINT', waitMs: 10_000 },
  { signal: 'SIGQUIT', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];

/** Reads `postmaster.pid`: the first line is the process, the fourth its port, the eighth its state. */
export function readPostmasterFile(clusterDir: string): PostmasterFile | undefined {
  const lines = readIfThere(join(clusterDir, 'postmaster.pid'))?.split('\n');
  const pid = Number(lines?.[0]);
  if (lines === undefined || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  const port = Number(lines[3]);
  return { pid, port: port > 0 ? port : undefined, ready: lines[7]?.trim() === 'ready' };
}

/**
 * Stops the server that a killed process left behind. It is stopped rather than adopted: then there is one way to start,
 * and the server is always our child. The caller holds the folder's lock, so no live process of ours owns it.
 *
 * An id that went to another process since is not signalled; the file that names it is removed, or the server would
 * refuse to start.
 */
export async function stopOrphan(clusterDir: string): Promise<boolean> {
  const orphan = readPostmasterFile(clusterDir);
  if (orphan === undefined || startOfProcess(orphan.pid) === undefined) return false;
  if (commandOfProcess(orphan.pid)?.includes(`-D ${clusterDir} `) !== true) {
    rmSync(join(clusterDir, 'postmaster.pid'), { force: true });
    return false;
  }
  await stopPostmaster(orphan.pid, clusterDir);
  return true;
}

/** Stops a server and waits until it is gone, with ever harder signals. Throws `DATA_DIR_UNUSABLE` if it will not go. */
export async function stopPostmaster(pid: number, clusterDir: string): Promise<void> {
  const start = startOfProcess(pid);
  for (const { signal, waitMs } of STOP_STEPS) {
    if (!trySignal({ pid, signal, clusterDir })) return;
    for (let waited = 0; waited < waitMs; waited += POLL_MS) {
      if (startOfProcess(pid) !== start || start === undefined) return;
      await delay(POLL_MS);
    }
  }
  throw new Fault('DATA_DIR_UNUSABLE', { dataDir: clusterDir, pid, detail: 'Its database server does not stop' });
}

function trySignal(parts: { pid: number; signal: NodeJS.Signals; clusterDir: string }): boolean {
  try {
    return signalProcess(parts.pid, parts.signal);
  } catch (error) {
    const detail = 'Its database server belongs to another user';
    throw new Fault('DATA_DIR_UNUSABLE', { dataDir: parts.clusterDir, pid: parts.pid, detail }, { cause: error });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
