import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, totalmem } from 'node:os';

/** Where and of what the numbers are. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  /** Processes that wanted a core in the minute before the run. */
  readonly loadBefore: number;
  readonly node: string;
  readonly postgres: string;
  /** `+` when the working tree differs from the commit. */
  readonly commit: string;
  readonly reference: string;
  readonly date: string;
}

export function describeMachine(parts: { readonly postgres: string; readonly loadBefore: number }): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    loadBefore: parts.loadBefore,
    node: process.version,
    postgres: parts.postgres,
    commit: readCommit(),
    reference: `@x402/evm ${versionOf('@x402/evm')}, @x402/svm ${versionOf('@x402/svm')}, viem ${versionOf('viem')}`,
    date: new Date().toISOString().slice(0, 10),
  };
}

export function loadOfLastMinute(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10;
}

function readCommit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', 'packages') === '' ? '' : '+');
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
