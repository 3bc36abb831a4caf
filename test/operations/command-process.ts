import { spawn } from 'node:child_process';
import { tollkeeper, type ProcessEnd } from '../crash/facilitator-process.js';

/** A `tollkeeper` command in a process of its own. */
export interface CommandProcess {
  readonly ended: Promise<ProcessEnd>;
  readonly output: () => string;
  readonly errors: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** Starts a command as it was built, with nothing but `env`. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string>>): CommandProcess {
  const child = spawn(process.execPath, [tollkeeper, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { output: '', errors: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text.errors += chunk.toString()));
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code, signal });
    });
  });
  return { ended, output: () => text.output, errors: () => text.errors, kill: (signal) => void child.kill(signal) };
}
