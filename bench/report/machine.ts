import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { processorTime } from '../processes/process-usage.js';

/** Where and of what the numbers are. */
export interface Machine {
  readonly cpu: string;
  /** That this run may use, and that the machine has. */
  readonly cores: number;
  readonly coresOfMachine: number;
  readonly memoryGb: number;
  /** Processes that wanted a core in the minute before the run. */
  readonly loadBefore: number;
  /** Of the processor time that the machine wanted during the run, what its host gave to others. Undefined without /proc. */
  readonly stolenPercent: number | undefined;
  readonly node: string;
  readonly postgres: string;
  /** `+` when the working tree differs from the commit. */
  readonly commit: string;
  readonly reference: string;
  readonly date: string;
}

/** Called before a run; the answer is called after it. */
export function observeMachine(): (software: { readonly postgres: string }) => Machine {
  const loadBefore = Math.round((loadavg()[0] ?? 0) * 10) / 10;
  const before = processorTime();
  return ({ postgres }) => ({ ...describeMachine(postgres), loadBefore, stolenPercent: stolenSince(before) });
}

/** The lines that a report begins with. */
export function formatMachine(machine: Machine): string[] {
  const { stolenPercent } = machine;
  const stolen = stolenPercent === undefined ? '' : `, taken by the host during it: ${stolenPercent.toFixed(1)} %`;
  return [
    `${machine.cpu}, ${machine.cores} of ${machine.coresOfMachine} cores, ${machine.memoryGb} GB`,
    `load before the run: ${machine.loadBefore}${stolen}`,
  ];
}

function describeMachine(postgres: string): Omit<Machine, 'loadBefore' | 'stolenPercent'> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    coresOfMachine: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    postgres,
    commit: readCommit(),
    reference: `@x402/evm ${versionOf('@x402/evm')}, @x402/svm ${versionOf('@x402/svm')}, viem ${versionOf('viem')}`,
    date: new Date().toISOString().slice(0, 10),
  };
}

function stolenSince(before: ReturnType<typeof processorTime>): number | undefined {
  const after = processorTime();
  if (before === undefined || after === undefined) return undefined;
  const stolen = after.stolen - before.stolen;
  const wanted = stolen + after.used - before.used;
  return wanted === 0 ? 0 : (100 * stolen) / wanted;
}

function readCommit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
    return (
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', 'packages', 'bench') === '' ? '' : '+')
    );
  } catch {
    return 'unknown';
  }
}

function versionOf(name: string): string {
  // The package's own file, wherever npm put it; its `exports` need not offer it.
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const path of paths) {
    try {
      return (JSON.parse(readFileSync(`${path}/${name}/package.json`, 'utf8')) as { version: string }).version;
    } catch {
      // It is not in this folder; the next one up may have it.
    }
  }
  return 'unknown';
}
