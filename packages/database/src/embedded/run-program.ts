import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import type { Command } from './server-programs.js';

/** The whole environment of the PostgreSQL programs: nothing of ours, secrets and PG* variables included, reaches them. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/** Starts a program, in its own process group if it is `detached`, so that Ctrl-C on our terminal does not reach it. */
export function startProgram(
  command: Command,
  args: readonly string[],
  options: { stdio: StdioOptions; detached: boolean },
): ChildProcess {
  const { file, prefix, ...user } = command;
  return spawn(file, [...prefix, ...args], { ...options, ...user, cwd: '/', env: ENVIRONMENT });
}

/** Runs a program to its end; one that cannot be started ends with 127, as in a shell. */
export function runToEnd(command: Command, args: readonly string[]): Promise<{ exitCode: number; output: string }> {
  return new Promise((resolve) => {
    const child = startProgram(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: false });
    let output = '';
    const collect = (chunk: Buffer) => (output += chunk.toString());
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.on('error', (error) => resolve({ exitCode: 127, output: error.message }));
    child.on('close', (code) => resolve({ exitCode: code ?? 1, output }));
  });
}
