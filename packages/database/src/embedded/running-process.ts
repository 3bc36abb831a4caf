import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const IS_LINUX = process.platform === 'linux';

/**
 * When a process started, in the platform's own notation, or undefined when none of this id lives. Together with the id
 * it names a process for good, where the id alone is soon given to another.
 */
export function startOfProcess(pid: number): string | undefined {
  return IS_LINUX ? startFromProc(pid) : fromPs(pid, 'lstart=');
}

/** The command line of a living process. */
export function commandOfProcess(pid: number): string | undefined {
  return IS_LINUX ? readProc(pid, 'cmdline')?.replaceAll('\0', ' ') : fromPs(pid, 'command=');
}

/** Sends a signal; whether the process was there to receive it. Signal 0 only asks. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** The 22nd field of /proc/[pid]/stat, counted after the command in parentheses, which may itself hold spaces. */
function startFromProc(pid: number): string | undefined {
  const stat = readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : fields[18];
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function fromPs(pid: number, column: string): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' });
  const text = status === 0 ? stdout.trim() : '';
  return text === '' ? undefined : text;
}
