import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Files that chains of this very process hold; another chain in it has the same process id. */
const heldHere = new Set<string>();

/**
 * Takes a state file for this process, because two chains that append to one file would ruin it. The lock of a process
 * that died is taken over. The result gives it back.
 */
export function lockStateFile(file: string): () => void {
  mkdirSync(dirname(file), { recursive: true });
  const lock = `${file}.lock`;
  const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : undefined;
  if (heldHere.has(file) || (holder !== undefined && holder !== process.pid && isAlive(holder))) {
    const who = `process ${String(holder)}`;
    throw new Error(`The chain state ${file} is in use by ${who}; if that is no chain, remove ${lock}`);
  }
  writeFileSync(lock, String(process.pid));
  heldHere.add(file);
  return () => {
    heldHere.delete(file);
    rmSync(lock, { force: true });
  };
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user answers EPERM, and is alive.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
