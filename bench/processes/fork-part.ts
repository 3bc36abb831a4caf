import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A part of the benchmark in a process of its own. */
export interface ForkedPart<Ready> {
  readonly pid: number;
  readonly ready: Ready;
  /** Asks the child for what it has to tell. */
  read(): Promise<unknown>;
  stop(): Promise<void>;
}

/** Forks one of the programs in `children` and waits until it is ready. It ends with this process. */
export async function forkPart<Ready>(program: string, options: unknown): Promise<ForkedPart<Ready>> {
  const child = fork(fileURLToPath(new URL(`../children/${program}.js`, import.meta.url)), {
    serialization: 'advanced',
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const ready = (await ask(child, program, options)) as Ready;
  return {
    pid: child.pid ?? 0,
    ready,
    read: () => ask(child, program, 'read'),
    stop: () => end(child),
  };
}

function ask(child: ChildProcess, program: string, message: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (!child.connected) throw new Error(`${program} has ended`);
    const onExit = (code: number | null): void => {
      reject(new Error(`${program} ended with exit code ${String(code)}`));
    };
    child.once('exit', onExit);
    child.once('message', (answer) => {
      child.off('exit', onExit);
      resolve(answer);
    });
    child.send(message as object);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
