import { availableParallelism } from 'node:os';
import type { Curve, RecoverableSignature } from './curve.js';
import type { SignedDigest } from './recovery-messages.js';
import { startRecoveryThread, type RecoveryThread } from './recovery-thread.js';

/** Recovers the signers of many payments without holding up everything else that the process does. */
export interface SignerRecovery {
  /** The address whose key made the signature, or undefined when no key can have made it. Accepts a high s. */
  recover(digest: Uint8Array, signature: RecoverableSignature): Promise<string | undefined>;
  /** Ends the thread, if there is one. What is asked afterwards is still answered. */
  close(): Promise<void>;
}

interface Waiting extends SignedDigest {
  readonly resolve: (signer: string | undefined) => void;
}

/**
 * A lone signature is recovered here. Those that come together go to a thread of their own, which begins with the first of
 * them: with a tenth of a millisecond each, the curve is a fifth of what a verification costs, and the only large part of it
 * that needs nothing else. Without a thread, because there is one processor only or because it failed, all are recovered here.
 */
export function createSignerRecovery(parts: {
  readonly curve: Curve;
  readonly onWarning: (message: string) => void;
  readonly startThread?: () => Promise<RecoveryThread>;
  readonly processors?: number;
}): SignerRecovery {
  const { curve, startThread = startRecoveryThread, processors = availableParallelism() } = parts;
  let gathered: Waiting[] = [];
  let thread: RecoveryThread | undefined;
  let starting: Promise<void> | undefined;
  let isClosed = false;

  return {
    recover: (digest, signature) =>
      new Promise((resolve) => {
        gathered.push({ digest, signature, resolve });
        // After everything that this turn of the event loop has read from its sockets.
        if (gathered.length === 1) setImmediate(send);
      }),
    async close() {
      isClosed = true;
      await starting;
      await thread?.end();
    },
  };

  function send(): void {
    const batch = gathered;
    gathered = [];
    const isLone = batch.length === 1 && (thread === undefined || thread.pending() === 0);
    if (!isLone && processors > 1 && !isClosed) starting ??= start();
    if (isLone || thread === undefined) recoverHere(batch);
    else void recoverThere(thread, batch);
  }

  async function start(): Promise<void> {
    try {
      thread = await startThread();
    } catch (error) {
      warn(error);
    }
  }

  async function recoverThere(asked: RecoveryThread, batch: readonly Waiting[]): Promise<void> {
    try {
      const signers = await asked.recover(batch);
      for (const [index, { resolve }] of batch.entries()) resolve(signers[index]);
    } catch (error) {
      if (thread !== undefined && !isClosed) warn(error);
      thread = undefined;
      recoverHere(batch);
    }
  }

  function recoverHere(batch: readonly Waiting[]): void {
    for (const { digest, signature, resolve } of batch) resolve(curve.recover(digest, signature));
  }

  function warn(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    parts.onWarning(`Signers are recovered without a thread of their own from now on, which is slower: ${reason}`);
  }
}
