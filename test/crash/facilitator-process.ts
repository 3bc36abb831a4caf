import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How a process ended: by itself with a code, or by a signal. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A facilitator in a process of its own, built and run as in production. */
export interface FacilitatorProcess {
  readonly url: string;
  readonly exited: Promise<ProcessEnd>;
  kill(signal: NodeJS.Signals): void;
}

/** The command `tollkeeper`, as npm installed it. */
export const tollkeeper = join(
  dirname(createRequire(import.meta.url).resolve('@tollkeeper/facilitator/package.json')),
  'dist/main.js',
);

/** A program that kills itself at the checkpoint that its first argument names, at the time that the second one counts. */
export const doomedFacilitator = fileURLToPath(new URL('doomed-facilitator.mjs', import.meta.url));

/** What is kept of what a process prints, which may run for hours. */
const keptCharacters = 1_000_000;

const running = new Set<FacilitatorProcess>();

/** Starts a facilitator from its build, with nothing but `env`, and waits until it listens. */
export async function startFacilitatorProcess(options: {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A file that gets everything that the process prints. */
  readonly logFile?: string;
}): Promise<FacilitatorProcess> {
  const { child, exited, output, errors } = start(options);
  if (options.logFile !== undefined) {
    for (const printed of [child.stdout, child.stderr]) {
      printed.pipe(createWriteStream(options.logFile, { flags: 'a' }));
    }
  }
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => {
      const address = /Facilitator listening on (http:\/\/[\d.]+:\d+)/.exec(output())?.[1];
      if (address !== undefined) resolve(address);
    });
    void exited.then(() => {
      reject(new Error(`The facilitator ended before it listened:\n${output()}${errors()}`));
    });
  });
  const facilitator = { url, exited, kill: (signal: NodeJS.Signals) => void child.kill(signal) };
  running.add(facilitator);
  void exited.then(() => running.delete(facilitator));
  return facilitator;
}

/** Runs a `tollkeeper` command to its end and reads the JSON that it prints. */
export async function runTollkeeper(args: readonly string[], env: Readonly<Record<string, string>>): Promise<unknown> {
  const { exited, output, errors } = start({ program: tollkeeper, args: [...args, '--json'], env });
  const { code } = await exited;
  if (code !== 0) throw new Error(`tollkeeper ${args.join(' ')} failed:\n${errors()}`);
  return JSON.parse(output());
}

/** Kills what a failed test left running. */
export async function killFacilitatorProcesses(): Promise<void> {
  const left = [...running];
  for (const each of left) each.kill('SIGKILL');
  await Promise.all(left.map(({ exited }) => exited));
}

function start(options: { program: string; args: readonly string[]; env: Readonly<Record<string, string>> }) {
  const child = spawn(process.execPath, [options.program, ...options.args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-keptCharacters)));
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-keptCharacters)));
  const exited = new Promise<ProcessEnd>((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code, signal });
    });
  });
  return { child, exited, output: () => output, errors: () => errors };
}
