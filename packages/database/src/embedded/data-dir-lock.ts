import { randomUUID } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@tollkeeper/protocol';
import { startOfProcess } from './running-process.js';

/** The exclusive use of a data folder by this process. */
export interface DataDirLock {
  /** Gives the folder back. Safe to call again. */
  readonly release: () => void;
}

/** Who holds a data folder. */
export interface LockHolder {
  readonly pid: number;
  readonly alive: boolean;
}

const ATTEMPTS = 100;
const RELEASED = '{}';

/**
 * Takes a data folder, from a dead holder too.
 *
 * Each holder has a file `lock.<n>` of its own, and the highest one counts. Taking over from `n` means creating `n + 1`,
 * which only one process can do, however late it comes; removing a dead holder's file and creating it anew would let one
 * that had looked earlier remove the new holder's. So the highest file is never removed, not even by a release.
 *
 * Throws `DATA_DIR_IN_USE` while a live process holds it.
 */
export function lockDataDir(dataDir: string): DataDirLock {
  const content = JSON.stringify({ pid: process.pid, start: startOfProcess(process.pid) });
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const highest = highestLock(dataDir);
    const holder = holderOf(dataDir, highest);
    if (holder?.alive === true) throw new Fault('DATA_DIR_IN_USE', { dataDir, pid: holder.pid });
    const mine = highest + 1;
    if (!createLock(dataDir, { number: mine, content })) continue;
    if (highestLock(dataDir) !== mine) {
      // What had looked like the highest was long superseded, and its successor's file already cleaned away.
      rmSync(lockPath(dataDir, mine), { force: true });
      continue;
    }
    removeOlder(dataDir, mine);
    return { release: () => replaceLock(dataDir, { number: mine, content: RELEASED }) };
  }
  throw new Fault('DATA_DIR_UNUSABLE', { dataDir, detail: 'Its lock kept changing hands' });
}

/** Who holds a data folder, dead or alive; undefined when nobody ever took it. */
export function lockHolder(dataDir: string): LockHolder | undefined {
  return holderOf(dataDir, highestLock(dataDir));
}

function lockPath(dataDir: string, number: number): string {
  return join(dataDir, `lock.${number}`);
}

function lockNumbers(dataDir: string): number[] {
  return readdirSync(dataDir).flatMap((name) => {
    const digits = /^lock\.(\d{1,15})$/.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
}

/** Zero when nobody ever took the folder. */
function highestLock(dataDir: string): number {
  return Math.max(0, ...lockNumbers(dataDir));
}

/** The predecessor stays, so that a listing which misses one file in the middle of a change still finds the other. */
function removeOlder(dataDir: string, mine: number): void {
  for (const number of lockNumbers(dataDir)) {
    if (number < mine - 1) rmSync(lockPath(dataDir, number), { force: true });
  }
}

/** A link appears at once and whole, so nobody reads half a file; whether this process was the one to make it. */
function createLock(dataDir: string, lock: { number: number; content: string }): boolean {
  const draft = writeDraft(dataDir, lock.content);
  try {
    linkSync(draft, lockPath(dataDir, lock.number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function replaceLock(dataDir: string, lock: { number: number; content: string }): void {
  renameSync(writeDraft(dataDir, lock.content), lockPath(dataDir, lock.number));
}

function writeDraft(dataDir: string, content: string): string {
  const draft = join(dataDir, `lock.draft-${randomUUID()}`);
  writeFileSync(draft, content, { mode: 0o644 });
  return draft;
}

/** A holder counts as alive only if a process of its id started at the recorded moment. */
function holderOf(dataDir: string, number: number): LockHolder | undefined {
  if (number === 0) return undefined;
  const { pid, start } = readLock(lockPath(dataDir, number));
  return { pid, alive: start !== undefined && startOfProcess(pid) === start };
}

/** A released file names nobody, nor does one that a crash of the machine emptied, nor one that was just superseded. */
function readLock(path: string): { pid: number; start: string | undefined } {
  try {
    const parsed = JSON.parse(readFileSync(path, 'utf8')) as { pid?: unknown; start?: unknown };
    const pid = typeof parsed.pid === 'number' ? parsed.pid : 0;
    return { pid, start: typeof parsed.start === 'string' ? parsed.start : undefined };
  } catch {
    return { pid: 0, start: undefined };
  }
}
