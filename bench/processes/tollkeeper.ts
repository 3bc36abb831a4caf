import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

type Environment = Readonly<Record<string, string>>;

const program = join(
  dirname(createRequire(import.meta.url).resolve('@tollkeeper/facilitator/package.json')),
  'dist/main.js',
);

const dockerfile = join(dirname(program), '../../../Dockerfile');

const startLimitMs = 60_000;

/** A running facilitator, built and configured as in production. */
export interface TollkeeperProcess {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts `tollkeeper serve` and waits until it listens. Its log goes to a file, at the level of production. */
export async function startTollkeeper(parts: {
  readonly env: Environment;
  readonly logFile: string;
  readonly nodeFlags: readonly string[];
}): Promise<TollkeeperProcess> {
  const log = openSync(parts.logFile, 'a');
  const child = spawn(process.execPath, [...imageFlags(), ...parts.nodeFlags, program, 'serve'], {
    env: inherited(parts.env),
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const killAtOnce = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtOnce);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const deadline = performance.now() + startLimitMs;
  while (performance.now() < deadline && child.exitCode === null) {
    const address = /Facilitator listening on (http:\/\/[\d.]+:\d+)/.exec(readFileSync(parts.logFile, 'utf8'))?.[1];
    if (address !== undefined) return { url: address, pid: child.pid ?? 0, stop };
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error(`Tollkeeper did not start:\n${readFileSync(parts.logFile, 'utf8').slice(-2000)}`);

  async function stop(): Promise<void> {
    child.kill('SIGTERM');
    const insist = setTimeout(killAtOnce, 10_000);
    await exited;
    clearTimeout(insist);
    process.off('exit', killAtOnce);
  }
}

/** Runs a `tollkeeper` command to its end and answers what it printed. */
export async function runTollkeeper(args: readonly string[], env: Environment): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], {
    env: inherited(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let trouble = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (trouble += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`tollkeeper ${args.join(' ')} failed: ${trouble.trim()}`);
  return output;
}

/** What the image gives to Node. */
function imageFlags(): readonly string[] {
  const entryPoint = /^ENTRYPOINT \["node", (.*)\]$/m.exec(readFileSync(dockerfile, 'utf8'))?.[1];
  if (entryPoint === undefined) throw new Error(`${dockerfile} starts no Node`);
  return (JSON.parse(`[${entryPoint}]`) as readonly string[]).slice(0, -1);
}

function inherited(env: Environment): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NODE_ENV: 'production', ...env };
}
