import { setTimeout as sleep } from 'node:timers/promises';
import type { Chain, Observation, SubmittedTransaction } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { Leg, SentTransaction } from './chain-transactions.js';
import type { Closing } from './close-transactions.js';
import { observeApart } from './observe-apart.js';
import type { Settled } from './settle-legs.js';

/** How many transactions one question to the chain is about. */
const transactionsPerQuestion = 100;

/** A transaction may be mined at once or in a while: the first looks after a sending come quickly, the later ones slowly. */
const firstPauseMs = 4;

interface Entry {
  readonly sent: SentTransaction;
  /** What is known of each of its payments that needs no second look. */
  readonly settled: Set<string>;
  sentAtMs: number;
}

export interface Watch {
  /** Follows a transaction until there is evidence of its outcome. Following it already changes nothing. */
  track(sent: SentTransaction): void;
  /** The transactions that are followed now. */
  followed(): ReadonlySet<string>;
  /** Follows no more what somebody else has closed. */
  drop(ids: readonly string[]): void;
  /** How many transactions have no outcome yet. */
  size(): number;
  /** Stops looking. What is unfinished stays in the database and is tracked again at the next start. */
  stop(): Promise<void>;
}

export interface WatchParts {
  readonly chain: Chain;
  /** Books a payment whose money moved. */
  readonly settle: (settled: Settled) => Promise<void>;
  /** Closes transactions of which all is known; answers those that need not be followed any more. */
  readonly close: (closings: readonly Closing[]) => Promise<readonly string[]>;
  readonly pollMs: number;
  readonly resendMs: number;
  readonly log: Logger;
}

/**
 * Looks for the outcome of everything in flight on one network by shared reads, and re-sends the stored bytes of what the
 * chain does not show: a lost broadcast and a slow one look the same, and sending again is harmless.
 */
export function createWatch(parts: WatchParts): Watch {
  const { chain, log } = parts;
  const tracked = new Map<string, Entry>();
  const stopping = new AbortController();
  let pauseMs = parts.pollMs;
  let wake = new AbortController();
  let running: Promise<void> | undefined;

  return {
    track(sent) {
      if (tracked.has(sent.id)) return;
      tracked.set(sent.id, { sent, settled: new Set(), sentAtMs: performance.now() });
      pauseMs = Math.min(firstPauseMs, parts.pollMs);
      wake.abort();
      running ??= run();
    },
    followed: () => new Set(tracked.keys()),
    drop(ids) {
      for (const id of ids) tracked.delete(id);
    },
    size: () => tracked.size,
    async stop() {
      stopping.abort();
      wake.abort();
      await running;
    },
  };

  async function run(): Promise<void> {
    while (tracked.size > 0 && !stopping.signal.aborted) {
      wake = new AbortController();
      await look();
      if (tracked.size > 0) await sleep(pauseMs, undefined, { signal: wake.signal }).catch(() => undefined);
      pauseMs = Math.min(2 * pauseMs, parts.pollMs);
    }
    // In the same turn as the check above, so that nothing is tracked in between and left alone.
    running = undefined;
  }

  async function look(): Promise<void> {
    const all = [...tracked.values()];
    for (let start = 0; start < all.length; start += transactionsPerQuestion) {
      const entries = all.slice(start, start + transactionsPerQuestion);
      const questions = entries.flatMap(questionsAbout);
      const observations = await observeApart(
        parts,
        questions.map(({ transfer }) => transfer),
      );
      const found = new Map(entries.map((entry) => [entry, [] as Finding[]]));
      for (const [index, { entry, leg }] of questions.entries()) {
        found.get(entry)?.push({ leg, observation: observations[index] });
      }
      await conclude(found);
      // A node that tells nothing at all is left alone until the next look.
      if (observations.every((observation) => observation === undefined)) return;
    }
  }

  async function conclude(found: ReadonlyMap<Entry, readonly Finding[]>): Promise<void> {
    const closings = await Promise.all([...found].map(([entry, findings]) => concludeOne(entry, findings)));
    const known = closings.filter((closing) => closing !== undefined);
    if (known.length === 0) return;
    try {
      for (const id of await parts.close(known)) tracked.delete(id);
    } catch (error) {
      // Closing again, in the next look, changes nothing that was done.
      log.error({ err: error, network: chain.network }, 'transactions could not be closed; it is tried again');
    }
  }

  /** Books what moved; the closing once all is known of the transaction. */
  async function concludeOne(entry: Entry, findings: readonly Finding[]): Promise<Closing | undefined> {
    const known = await Promise.all(findings.map((finding) => settleOne(entry, finding)));
    if (findings.some(({ observation }) => observation?.state === 'pending')) await resend(entry);
    if (known.includes(false)) {
      // The next look begins with others, so that none waits for ever behind those that the node does not tell about.
      if (tracked.delete(entry.sent.id)) tracked.set(entry.sent.id, entry);
      return undefined;
    }
    return closingOf(entry.sent, findings);
  }

  /** Whether enough is known of a payment. What cannot be booked is tried again and must not hold up the others. */
  async function settleOne(entry: Entry, { leg, observation }: Finding): Promise<boolean> {
    if (observation === undefined || observation.state === 'pending') return false;
    if (observation.state !== 'transferred' || entry.settled.has(leg.paymentId)) return true;
    try {
      await parts.settle({ paymentId: leg.paymentId, effect: observation.effect });
      entry.settled.add(leg.paymentId);
      return true;
    } catch (error) {
      const fields = { paymentId: leg.paymentId, transaction: entry.sent.id };
      log.error({ err: error, ...fields }, 'settlement could not be concluded; it is tried again');
      return false;
    }
  }

  async function resend(entry: Entry): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - entry.sentAtMs < parts.resendMs) return;
    entry.sentAtMs = nowMs;
    try {
      await chain.broadcast(entry.sent);
    } catch (error) {
      log.warn({ err: error, transaction: entry.sent.id }, 'bytes could not be sent again; it is tried again');
    }
  }
}

interface Finding {
  readonly leg: Leg;
  readonly observation: Observation | undefined;
}

function questionsAbout(
  entry: Entry,
): readonly { readonly entry: Entry; readonly leg: Leg; readonly transfer: SubmittedTransaction }[] {
  return entry.sent.legs.map((leg) => ({ entry, leg, transfer: { ...entry.sent, expected: leg.expected } }));
}

function closingOf(sent: SentTransaction, findings: readonly Finding[]): Closing {
  const failures = new Map(
    findings.flatMap(({ leg, observation }) =>
      observation !== undefined && 'rejection' in observation ? [[leg.paymentId, observation.rejection] as const] : [],
    ),
  );
  const included = findings.flatMap(({ observation }) =>
    observation !== undefined && 'feePaid' in observation ? [observation.feePaid] : [],
  );
  const [feePaid] = included;
  return {
    sent,
    state: feePaid === undefined ? 'expired' : 'included',
    failures,
    ...(feePaid === undefined ? {} : { feePaid }),
  };
}
