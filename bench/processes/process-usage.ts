import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second for every program, whatever the kernel's own tick is. */
const msPerTick = 10;

/** Processor time of a process in milliseconds, user and system. Undefined where there is no /proc. */
export function cpuMsOf(pid: number): number | undefined {
  const stat = readStat(pid);
  return stat && (stat.user + stat.system) * msPerTick;
}

/** The same of a process with all its children, those that have ended included. */
export function cpuMsOfFamily(pid: number): number | undefined {
  const parent = readStat(pid);
  if (parent === undefined) return undefined;
  let ticks = parent.user + parent.system + parent.endedChildren;
  for (const name of readdirSync('/proc')) {
    const child = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;
    if (child?.parent === pid) ticks += child.user + child.system + child.endedChildren;
  }
  return ticks * msPerTick;
}

/** The most memory that a process held since its start or the last reset, in megabytes. */
export function peakMemoryMbOf(pid: number): number | undefined {
  const peak = /VmHWM:\s+(\d+) kB/.exec(readProc(`${pid}/status`) ?? '')?.[1];
  return peak === undefined ? undefined : Number(peak) / 1024;
}

/** Forgets the peak, so that the next one is that of the load and not that of the start. */
export function resetPeakMemory(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Without the right to it, or without /proc, the peak includes the start.
  }
}

/** Ticks of all cores since the machine started, and those that its host gave to others while they were wanted. */
export function processorTime(): { readonly used: number; readonly stolen: number } | undefined {
  const fields = /^cpu +(.*)$/m
    .exec(readProc('stat') ?? '')?.[1]
    ?.split(' ')
    .map(Number);
  if (fields === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0, stolen = 0] = fields;
  return { used: user + nice + system + interrupts + softInterrupts, stolen };
}

function readStat(pid: number) {
  const text = readProc(`${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the name in parentheses and may hold spaces; the numbers are behind it.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [, parent = 0, , , , , , , , , , user = 0, system = 0, childUser = 0, childSystem = 0] = fields;
  return { parent, user, system, endedChildren: childUser + childSystem };
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(`/proc/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
