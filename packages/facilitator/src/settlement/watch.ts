import { setTimeout as sleep } from 'node:timers/promises';
import type { Chain, Observation } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { TransactionInFlight } from './chain-transactions.js';
import type { FinalObservation } from './conclude.js';
import { observeApart } from './observe-apart.js';

/** How many transactions one look at the chain asks about. */
const batchSize = 100;

interface Entry {
  readonly sent: TransactionInFlight;
  pollsSinceSend: number;
}

export interface Watch {
  /** Follows a transaction until there is evidence of its outcome. Following it already changes nothing. */
  track(sent: TransactionInFlight): void;
  /** How many transactions have no outcome yet. */
  size(): number;
  /** Stops looking. What is unfinished stays in the database and is tracked again at the next start. */
  stop(): Promise<void>;
}

/**
 * Looks for the outcome of everything in flight on one network by shared reads, and re-sends the stored bytes of what the
 * chain does not show: a lost broadcast and a slow one look the same, and sending again is harmless.
 */
export function createWatch(parts: {
  readonly chain: Chain;
  readonly conclude: (sent: TransactionInFlight, observation: FinalObservation) => Promise<void>;
  readonly pollMs: number;
  readonly resendMs: number;
  readonly log: Logger;
}): Watch {
  const tracked = new Map<string, Entry>();
  const stopping = new AbortController();
  const pollsPerSend = Math.max(1, Math.round(parts.resendMs / parts.pollMs));
  let running: Promise<void> | undefined;

  return {
    track(sent) {
      if (tracked.has(sent.id)) return;
      tracked.set(sent.id, { sent, pollsSinceSend: 0 });
      running ??= run();
    },
    size: () => tracked.size,
    async stop() {
      stopping.abort();
      await running;
    },
  };

  async function run(): Promise<void> {
    while (tracked.size > 0 && !stopping.signal.aborted) {
      await look();
      if (tracked.size > 0) await sleep(parts.pollMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    // In the same turn as the check above, so that nothing is tracked in between and left alone.
    running = undefined;
  }

  async function look(): Promise<void> {
    const all = [...tracked.values()];
    for (let start = 0; start < all.length; start += batchSize) {
      const batch = all.slice(start, start + batchSize);
      const observations = await observeApart(
        parts,
        batch.map((each) => each.sent),
      );
      for (const [index, entry] of batch.entries()) await act(entry, observations[index]);
      // A node that tells nothing at all is left alone until the next look.
      if (observations.every((observation) => observation === undefined)) return;
    }
  }

  async function act(entry: Entry, observation: Observation | undefined): Promise<void> {
    if (observation === undefined) {
      // The next look begins with others, so that none waits for ever behind those that the node does not tell about.
      tracked.delete(entry.sent.id);
      tracked.set(entry.sent.id, entry);
    } else if (observation.state === 'pending') await resend(entry);
    else await finish(entry.sent, observation);
  }

  /** What cannot be booked stays tracked and is tried again; it must not hold up what comes after it. */
  async function finish(sent: TransactionInFlight, observation: FinalObservation): Promise<void> {
    try {
      await parts.conclude(sent, observation);
      tracked.delete(sent.id);
    } catch (error) {
      const { paymentId, id: transaction } = sent;
      parts.log.error({ err: error, paymentId, transaction }, 'settlement could not be concluded; it is tried again');
    }
  }

  async function resend(entry: Entry): Promise<void> {
    entry.pollsSinceSend += 1;
    if (entry.pollsSinceSend < pollsPerSend) return;
    entry.pollsSinceSend = 0;
    try {
      await parts.chain.broadcast(entry.sent);
    } catch (error) {
      parts.log.warn({ err: error, transaction: entry.sent.id }, 'bytes could not be sent again; it is tried again');
    }
  }
}
