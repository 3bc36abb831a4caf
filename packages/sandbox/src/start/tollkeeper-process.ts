import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { inheritedEnvironment } from '../sandbox-config.js';

const command = join(
  dirname(createRequire(import.meta.url).resolve('@tollkeeper/facilitator/package.json')),
  'dist/main.js',
);

type Environment = Readonly<Record<string, string>>;

/** A facilitator that runs as a process of its own, as it does in production. */
export interface FacilitatorProcess {
  /** Resolves when it has ended, for whatever reason. */
  readonly exited: Promise<void>;
  /** Tells it to finish what is under way and waits until it has ended. */
  stop(): Promise<void>;
}

/** Starts `tollkeeper serve`, keeps its log in a file, and waits until it is ready. */
export async function startFacilitator(options: {
  readonly env: Environment;
  readonly logFile: string;
}): Promise<FacilitatorProcess> {
  const child = run(['serve'], options.env);
  const log = createWriteStream(options.logFile, { flags: 'a' });
  const exited = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve();
    }),
  );
  let output = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      log.write(chunk);
      output = (output + chunk.toString()).slice(-4000);
      if (output.includes('Facilitator listening')) resolve();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      log.write(chunk);
      output = (output + chunk.toString()).slice(-4000);
    });
    void exited.then(() => {
      reject(new Error(`The facilitator did not start:\n${output.trim()}\nIts log: ${options.logFile}`));
    });
  });
  return {
    exited,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      log.end();
    },
  };
}

/** Runs a `tollkeeper` command to its end and reads the JSON that it prints. */
export async function tollkeeper<Answer>(args: readonly string[], env: Environment): Promise<Answer> {
  const child = run([...args, '--json'], env);
  let output = '';
  let trouble = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (trouble += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`tollkeeper ${args.join(' ')} failed: ${trouble.trim()}`);
  return JSON.parse(output) as Answer;
}

function run(args: readonly string[], env: Environment): ChildProcess {
  return spawn(process.execPath, [command, ...args], {
    env: { ...inheritedEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs a `tollkeeper` command for the person at this terminal, and answers its exit code. */
export async function runTollkeeper(args: readonly string[], env: Environment): Promise<number> {
  const child = spawn(process.execPath, [command, ...args], {
    env: { ...inheritedEnvironment(), ...env },
    stdio: 'inherit',
  });
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}
