import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Sql } from '@tollkeeper/database';
import type { Logger } from '../logging/logger.js';

/** Wakes whoever waits for a payment as soon as somebody changed it. A hint only: the database holds the truth. */
export interface PaymentSignal {
  /** This process changed a payment. */
  changed(paymentId: string): void;
  subscribe(paymentId: string): PaymentSubscription;
  /** Begins to hear of what other processes change. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface PaymentSubscription {
  /**
   * Resolves when the payment changed since the last wait or since the subscription, when `timeoutMs` passed, or when `abort`
   * fired, whichever is first.
   */
  wait(limits: { readonly timeoutMs: number; readonly abort: AbortSignal }): Promise<void>;
  end(): void;
}

const channel = 'tollkeeper_payment';

/** Notifications may be lost, so all that is waited for is looked up this often, in one statement. */
const pollMs = 250;

/** PostgreSQL takes notifications of less than 8,000 bytes. */
const idsPerNotification = 200;

/** Tells other processes, when this transaction commits, that these payments changed. */
export async function announceChanges(sql: Sql, paymentIds: readonly string[]): Promise<void> {
  for (let start = 0; start < paymentIds.length; start += idsPerNotification) {
    const some = paymentIds.slice(start, start + idsPerNotification).join(',');
    await sql`SELECT pg_notify(${channel}, ${some})`;
  }
}

export function createPaymentSignal(parts: { readonly database: Database; readonly log: Logger }): PaymentSignal {
  const subscribers = new Map<string, Set<() => void>>();
  const stopping = new AbortController();
  let polling: Promise<void> | undefined;
  let stopListening: (() => Promise<void>) | undefined;

  return {
    changed,
    subscribe(paymentId) {
      const subscription = createSubscription();
      const others = subscribers.get(paymentId) ?? new Set();
      subscribers.set(paymentId, others.add(subscription.notice));
      return {
        wait: (limits) => subscription.wait(limits),
        end() {
          others.delete(subscription.notice);
          if (others.size === 0 && subscribers.get(paymentId) === others) subscribers.delete(paymentId);
        },
      };
    },
    async start() {
      polling ??= poll();
      stopListening ??= await parts.database.listen(channel, (payload) => {
        for (const id of payload.split(',')) changed(id);
      });
    },
    async stop() {
      stopping.abort();
      await stopListening?.();
      await polling;
    },
  };

  function changed(paymentId: string): void {
    for (const notice of subscribers.get(paymentId) ?? []) notice();
  }

  async function poll(): Promise<void> {
    while (!stopping.signal.aborted) {
      await sleep(pollMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (subscribers.size === 0) continue;
      try {
        for (const { id } of await findChanged([...subscribers.keys()])) changed(id);
      } catch (error) {
        // Whoever waits asks the database itself in the end, and is told that it does not answer.
        parts.log.debug({ err: error }, 'payments that are waited for could not be looked up');
      }
    }
  }

  /** Those that are no longer on their way, or on which nobody works any more. */
  async function findChanged(ids: readonly string[]): Promise<readonly { readonly id: string }[]> {
    return parts.database.sql<{ id: string }>`
      SELECT waited.id FROM unnest(${ids}::uuid[]) AS waited (id)
      LEFT JOIN payment USING (id)
      WHERE payment.id IS NULL OR payment.state NOT IN ('claimed', 'submitted')
        OR (payment.state = 'claimed' AND payment.lease_until < now())`;
  }
}

function createSubscription() {
  let isNews = false;
  let wake: (() => void) | undefined;

  const notice = () => {
    isNews = true;
    wake?.();
  };
  const sleepUntilNews = (timeoutMs: number, abort: AbortSignal) =>
    new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        abort.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, timeoutMs);
      abort.addEventListener('abort', end);
      wake = end;
    });
  const wait: PaymentSubscription['wait'] = async ({ timeoutMs, abort }) => {
    if (!isNews && !abort.aborted && timeoutMs > 0) await sleepUntilNews(timeoutMs, abort);
    wake = undefined;
    isNews = false;
  };
  return { notice, wait };
}
