import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAnvilBinary } from './anvil-binary.js';
import { guardAgainstOrphan } from './orphan-guard.js';

/** How an anvil process ended. `expected` is true when we asked it to. */
export interface AnvilExit {
  readonly expected: boolean;
  readonly reason: string;
}

/** A running anvil and its end. */
export interface AnvilProcess {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process has ended, by whoever's hand; never rejects. */
  readonly exited: Promise<AnvilExit>;
  /** Lets anvil write its state and end; insists after ten seconds. */
  stop(): Promise<void>;
}

/**
 * anvil writes the state after each block to a file of a tenth of a megabyte, keeps all of them, and leaves them in the user's home
 * when it ends. Ours keeps so many, beside the 500 in memory, in a folder that goes with it.
 */
const statesOnDisk = 1_000;

/** Starts anvil and waits, at most `timeoutMs`, until it listens. Port 0 takes a free one. */
export async function startAnvilProcess(options: {
  readonly host: string;
  readonly port: number;
  readonly flags: readonly string[];
  readonly timeoutMs: number;
}): Promise<AnvilProcess> {
  const address = ['--host', options.host, '--port', String(options.port)];
  // Its own process group keeps Ctrl-C away from it, so that we stop things in order.
  const statesDir = mkdtempSync(join(tmpdir(), 'tollkeeper-anvil-'));
  const states = ['--cache-path', statesDir, '--max-persisted-states', String(statesOnDisk)];
  const child = spawn(findAnvilBinary(), [...address, ...states, ...options.flags], { detached: true });
  const end = watchEnd(child, statesDir);
  const { pid } = child;
  if (pid === undefined) throw new Error(`anvil did not start: ${(await end.exited).reason}`);
  const guard = guardAgainstOrphan(pid, statesDir);
  void end.exited.then(() => guard.release());
  const port = await Promise.race([
    listeningPort(child),
    failAfter(options.timeoutMs, `anvil did not listen within ${options.timeoutMs} ms`),
    end.exited.then(({ reason }) => {
      throw new Error(describeFailedStart(options, reason));
    }),
  ]).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    pid,
    port,
    exited: end.exited,
    stop: async () => {
      end.expect();
      child.kill('SIGTERM');
      const insist = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await end.exited;
      clearTimeout(insist);
    },
  };
}

function watchEnd(
  child: ChildProcessWithoutNullStreams,
  statesDir: string,
): { exited: Promise<AnvilExit>; expect: () => void } {
  let expected = false;
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2_000);
  });
  const ended = new Promise<AnvilExit>((resolve) => {
    child.once('error', (error) => resolve({ expected, reason: error.message }));
    child.once('close', (code, signal) => {
      const status = signal === null ? `exit code ${String(code)}` : signal;
      resolve({ expected, reason: [status, complaint.trim().replaceAll(/\s+/g, ' ')].filter(Boolean).join(': ') });
    });
  });
  const exited = ended.then(async (exit) => {
    await rm(statesDir, { recursive: true, force: true }).catch(() => undefined);
    return exit;
  });
  return {
    exited,
    expect: () => {
      expected = true;
    },
  };
}

function listeningPort(child: ChildProcessWithoutNullStreams): Promise<number> {
  return new Promise((resolve) => {
    let banner = '';
    const read = (text: string): void => {
      banner += text;
      const match = /Listening on \S+:(\d+)/.exec(banner);
      if (match === null) return;
      child.stdout.off('data', read);
      // Whatever it prints later is read and dropped, or a full pipe would stop it.
      child.stdout.resume();
      resolve(Number(match[1]));
    };
    child.stdout.setEncoding('utf8').on('data', read);
  });
}

function failAfter(timeoutMs: number, message: string): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error(message)), timeoutMs).unref();
  });
}

function describeFailedStart(options: { host: string; port: number }, reason: string): string {
  if (!/address already in use|os error 98|os error 48/i.test(reason)) return `anvil did not start: ${reason}`;
  return `Port ${options.port} on ${options.host} is taken; stop what uses it or choose another port for the EVM chain`;
}
