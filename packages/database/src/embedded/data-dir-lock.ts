import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '@tollkeeper/protocol';
import { startOfProcess } from './running-process.js';

/** The exclusive use of a data folder by this process. */
export interface DataDirLock {
  /** Gives the folder back. Safe to call again. */
  readonly release: () => void;
}

/** Who holds a lock file. */
export interface LockHolder {
  readonly pid: number;
  readonly alive: boolean;
}

const ATTEMPTS = 5;

/** Longer than two processes that find the same dead holder need for their renames. */
const SETTLE_MS = 20;

/**
 * Takes the lock file of a data folder, from a dead holder too. The file appears complete and at once, because it is
 * linked into place; its holder counts as alive only if a process of that id started at the recorded moment.
 *
 * Throws `DATA_DIR_IN_USE` while a live process holds it.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const path = lockPath(dataDir);
  const content = JSON.stringify({ pid: process.pid, start: startOfProcess(process.pid), token: randomUUID() });
  let tookOver = false;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (placeFile(path, content)) {
      // Somebody who saw the same dead holder may have moved our file away for a moment, and a third may be in by now.
      if (tookOver) await delay(SETTLE_MS);
      if (readLock(path) === content) return { release: () => releaseLock(path, content) };
    }
    const found = readLock(path);
    const holder = found === undefined ? undefined : parseHolder(found);
    if (holder?.alive === true) throw new Fault('DATA_DIR_IN_USE', { dataDir, pid: holder.pid });
    if (found !== undefined) removeDead(path, found);
    tookOver = true;
  }
  throw new Fault('DATA_DIR_UNUSABLE', { dataDir, detail: 'Its lock file kept changing' });
}

/** Who holds the lock of a data folder, dead or alive; undefined when nobody took it. */
export function lockHolder(dataDir: string): LockHolder | undefined {
  const found = readLock(lockPath(dataDir));
  return found === undefined ? undefined : parseHolder(found);
}

function lockPath(dataDir: string): string {
  return join(dataDir, 'lock');
}

function placeFile(path: string, content: string): boolean {
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, content, { mode: 0o644 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A rename takes exactly one file away; if it was not the dead holder's after all, it is put back. */
function removeDead(path: string, expected: string): void {
  const removed = `${path}.${randomUUID()}`;
  try {
    renameSync(path, removed);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const content = readLock(removed);
  if (content !== undefined && content !== expected) placeFile(path, content);
  rmSync(removed, { force: true });
}

function releaseLock(path: string, content: string): void {
  if (readLock(path) === content) rmSync(path, { force: true });
}

function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(content: string): LockHolder {
  const { pid, start } = parseContent(content);
  const alive = start !== undefined && startOfProcess(pid) === start;
  return { pid, alive };
}

/** A file that nobody can read names nobody, and a link never shows half a file: it is a dead holder's, after a crash. */
function parseContent(content: string): { pid: number; start: string | undefined } {
  try {
    const parsed = JSON.parse(content) as { pid?: unknown; start?: unknown };
    const pid = typeof parsed.pid === 'number' ? parsed.pid : 0;
    return { pid, start: typeof parsed.start === 'string' ? parsed.start : undefined };
  } catch {
    return { pid: 0, start: undefined };
  }
}
