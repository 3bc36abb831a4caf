import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { packSignatures, unpackSigners, type SignedDigest } from './recovery-messages.js';

/** A thread that does nothing but recover signers. It keeps no process alive that has nothing to ask it. */
export interface RecoveryThread {
  /** Who signed, in the order of the signatures. @throws Error when the thread ended before it answered. */
  recover(signed: readonly SignedDigest[]): Promise<readonly (string | undefined)[]>;
  /** How many calls it has not answered yet. */
  pending(): number;
  end(): Promise<void>;
}

interface Asked {
  readonly resolve: (signers: readonly (string | undefined)[]) => void;
  readonly reject: (error: Error) => void;
}

/** It holds little more than its own code; V8 would give it the young generation of a whole process otherwise. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

const builtProgram = (): string => createRequire(import.meta.url).resolve('@tollkeeper/evm/recovery-program');

/** Starts the thread and resolves when it is ready. @throws Error when it ended before that. */
export function startRecoveryThread(program: string = builtProgram()): Promise<RecoveryThread> {
  // Without the process's own flags, of which some make sense for the main program only.
  const worker = new Worker(program, { execArgv: [], resourceLimits });
  const asked: Asked[] = [];
  let cause = new Error('The thread that recovers signers has ended');
  let hasEnded = false;

  const thread: RecoveryThread = {
    recover(signed) {
      if (hasEnded) return Promise.reject(cause);
      if (asked.length === 0) worker.ref();
      worker.postMessage(packSignatures(signed));
      return new Promise((resolve, reject) => asked.push({ resolve, reject }));
    },
    pending: () => asked.length,
    async end() {
      await worker.terminate();
    },
  };

  worker.on('error', (error) => (cause = error));
  return new Promise((resolve, reject) => {
    worker.once('message', () => {
      worker.on('message', (packed: Uint8Array) => {
        // In the order of the questions, since a port keeps the order of its messages.
        asked.shift()?.resolve(unpackSigners(packed));
        if (asked.length === 0) worker.unref();
      });
      // After the listener, which would keep the process alive as well.
      worker.unref();
      resolve(thread);
    });
    worker.once('exit', () => {
      hasEnded = true;
      reject(cause);
      for (const { reject: rejectOne } of asked.splice(0)) rejectOne(cause);
    });
  });
}
