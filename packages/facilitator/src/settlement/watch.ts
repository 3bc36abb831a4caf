import { setTimeout as sleep } from 'node:timers/promises';
import type { ObservedTransaction } from '@tollkeeper/protocol';
import { questionsAbout, type SentTransaction } from './chain-transactions.js';
import { createConcluding, type ConcludingParts, type Finding, type Followed } from './conclude-findings.js';
import { observeApart } from './observe-apart.js';
import type { SettlementEvents } from './settlement-events.js';

/** How many transactions one question to the chain is about. */
const transactionsPerQuestion = 100;

/** How many transactions are sent again at the same time. */
const resentAtOnce = 32;

/** A transaction may be mined at once or in a while: the first looks after a sending come quickly, the later ones slowly. */
const [firstPauseMs, pauseGrowth] = [3, 1.5];

/** A transaction that is followed. */
interface Entry extends Followed {
  /** What is asked about it, at every look. */
  readonly questions: readonly ObservedTransaction[];
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

export interface WatchParts extends ConcludingParts {
  readonly pollMs: number;
  readonly resendMs: number;
  readonly events: Pick<SettlementEvents, 'onResend'>;
}

/**
 * Looks for the outcome of everything in flight on one network by shared reads, and re-sends the stored bytes of what the
 * chain does not show: a lost broadcast and a slow one look the same, and sending again is harmless.
 */
export function createWatch(parts: WatchParts): Watch {
  const conclude = createConcluding(parts);
  const tracked = new Map<string, Entry>();
  const stopping = new AbortController();
  let pauseMs = parts.pollMs;
  let wake = new AbortController();
  let running: Promise<void> | undefined;

  return {
    track(sent) {
      if (tracked.has(sent.id)) return;
      tracked.set(sent.id, { sent, questions: questionsAbout(sent), settled: new Set(), sentAtMs: performance.now() });
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
      pauseMs = Math.min(pauseGrowth * pauseMs, parts.pollMs);
    }
    // In the same turn as the check above, so that nothing is tracked in between and left alone.
    running = undefined;
  }

  async function look(): Promise<void> {
    const all = [...tracked.values()];
    for (let start = 0; start < all.length; start += transactionsPerQuestion) {
      const entries = all.slice(start, start + transactionsPerQuestion);
      const observations = await observeApart(
        { ...parts, isHasty: true },
        entries.flatMap(({ questions }) => questions),
      );
      let next = 0;
      const found = new Map<Entry, readonly Finding[]>();
      for (const entry of entries) {
        const own = observations.slice(next, (next += entry.questions.length));
        found.set(
          entry,
          own.map((observation, index) => ({ leg: entry.sent.legs[index], observation })),
        );
      }
      await finish(found);
      // A node that tells nothing at all is left alone until the next look.
      if (observations.every((observation) => observation === undefined)) return;
    }
  }

  async function finish(found: ReadonlyMap<Entry, readonly Finding[]>): Promise<void> {
    const { over, open } = await conclude(found);
    for (const id of over) tracked.delete(id);
    await resendAll(
      parts,
      open.filter((entry) => found.get(entry)?.some(isAbsent)),
    );
    // The next look begins with others, and with another one of these, so that none waits for ever behind those that the node
    // does not tell about.
    for (const entry of [...open.slice(1), ...open.slice(0, 1)]) {
      if (tracked.delete(entry.sent.id)) tracked.set(entry.sent.id, entry);
    }
  }
}

/** A block that is not deep enough, or whose evidence is not complete, holds it all the same. */
function isAbsent({ observation }: Finding): boolean {
  return observation?.state === 'pending' && observation.inBlock !== true;
}

/** Side by side: a node that reads well and hangs when it is sent to is not waited for by each in turn. */
async function resendAll(parts: WatchParts, absent: readonly Entry[]): Promise<void> {
  const nowMs = performance.now();
  const due = absent.filter(({ sentAtMs }) => nowMs - sentAtMs >= parts.resendMs);
  for (const entry of due) entry.sentAtMs = nowMs;
  for (let start = 0; start < due.length; start += resentAtOnce) {
    await Promise.all(due.slice(start, start + resentAtOnce).map((entry) => resend(parts, entry)));
  }
}

async function resend({ chain, events, log }: WatchParts, entry: Entry): Promise<void> {
  events.onResend({ network: chain.network });
  try {
    await chain.broadcast(entry.sent);
  } catch (error) {
    log.warn({ err: error, transaction: entry.sent.id }, 'bytes could not be sent again; it is tried again');
  }
}
