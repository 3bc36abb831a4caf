import { Fault, type AcceptablePayment, type Clock, type Rejection } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { ProvenPayment } from '../payment/proven-payment.js';
import type { Delivery } from './delivery.js';
import { isForSameRequirements, type PaymentRow } from './payment-row.js';
import type { PaymentSignal } from './payment-signal.js';
import type { PaymentStore } from './payment-store.js';
import type { Submission } from './submit.js';

/** How one `/settle` call ends. */
export type Settlement =
  /** The money moved and this caller is the one who is told so. */
  | { readonly kind: 'success'; readonly row: PaymentRow; readonly delivery: Delivery }
  /** Anything else. `row` is there where the payment is known to the database. */
  | { readonly kind: 'failure'; readonly rejection: Rejection; readonly row?: PaymentRow };

/** Waiters look at the database at least this often, for what other processes did. */
const pollMs = 250;

/** The claim is gone: another caller or process released it, and the authorization may be claimed anew. */
const released = Symbol('released');

/**
 * Settles a payment, or joins its settlement, and waits a bounded time for the outcome. Of all the calls for one
 * authorization, in any encoding, at any time, exactly one is answered success.
 */
export function createSettle(parts: {
  readonly store: PaymentStore;
  readonly signal: PaymentSignal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly waitMs: number;
  readonly submit: (paymentId: string, payment: AcceptablePayment) => Promise<Submission>;
  readonly takeDelivery: (paymentId: string) => Promise<Delivery | undefined>;
}) {
  const { store, signal, clock, log } = parts;
  /** What this process is submitting now; its waiters learn a refusal from here, because a refusal leaves no row. */
  const submissions = new Map<string, Promise<Submission>>();

  return { settle, idle };

  /**
   * @param abort fires when the caller is gone.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`, `DATABASE_UNAVAILABLE`, or `SETTLEMENT_BUSY` when nothing was signed in time.
   */
  async function settle(payment: ProvenPayment, abort: AbortSignal): Promise<Settlement> {
    const deadline = clock.now().getTime() + parts.waitMs;
    const limits = { deadline, abort };
    for (;;) {
      const row = await claimOrFind(payment);
      if (row === undefined) {
        if ('rejection' in payment.start) return { kind: 'failure', rejection: payment.start.rejection };
        continue;
      }
      if (!isForSameRequirements(row, payment.authorization)) return { kind: 'failure', rejection: boundElsewhere };
      const end = await join(row.id, limits);
      if (end !== released) return end;
    }
  }

  /** Resolves when nothing is being submitted any more. */
  async function idle(): Promise<void> {
    while (submissions.size > 0) await Promise.allSettled(submissions.values());
  }

  async function claimOrFind(payment: ProvenPayment): Promise<PaymentRow | undefined> {
    const { authorization, start } = payment;
    if ('acceptable' in start) {
      const claimed = await store.claim(authorization, payment.x402Version);
      if (claimed !== undefined) startSubmission(claimed, start.acceptable);
    }
    const row = await store.findByClaimKey(authorization.claimKey);
    if (row?.state !== 'claimed' || row.leased) return row;
    // The process that claimed it died before it signed anything.
    if ('rejection' in start) await store.release(row.id);
    else if (await store.takeOver(row.id)) startSubmission(row.id, start.acceptable);
    return store.find(row.id);
  }

  function startSubmission(paymentId: string, payment: AcceptablePayment): void {
    const submission = parts.submit(paymentId, payment);
    submissions.set(paymentId, submission);
    submission
      .catch((error: unknown) => {
        log.warn({ err: error, paymentId }, 'settlement could not be submitted');
      })
      .finally(() => {
        submissions.delete(paymentId);
        signal.changed(paymentId);
      });
  }

  async function join(paymentId: string, limits: Limits): Promise<Settlement | typeof released> {
    const submission = submissions.get(paymentId);
    for (;;) {
      const row = await store.find(paymentId);
      if (row === undefined) return refusalOf(await submission);
      const answer = await answerNow(row);
      if (answer !== undefined) return answer;
      if (row.state === 'claimed' && !row.leased) return released;
      const timeoutMs = limits.deadline - clock.now().getTime();
      if (timeoutMs <= 0 || limits.abort.aborted) {
        const last = await leave(row);
        if (last !== undefined) return last;
      }
      await signal.wait(paymentId, { timeoutMs: Math.min(timeoutMs, pollMs), abort: limits.abort });
    }
  }

  async function answerNow(row: PaymentRow): Promise<Settlement | undefined> {
    if (row.state === 'failed') return { kind: 'failure', rejection: failureOf(row), row };
    if (row.state !== 'settled') return undefined;
    if (row.delivered) return { kind: 'failure', rejection: alreadyAnswered, row };
    if (row.delivering) return undefined;
    const delivery = await parts.takeDelivery(row.id);
    return delivery === undefined ? undefined : { kind: 'success', row, delivery };
  }

  /** The caller waits no longer. What is signed goes on without it; what is not signed is given up, if it is ours. */
  async function leave(row: PaymentRow): Promise<Settlement | undefined> {
    if (row.state === 'claimed') {
      await store.release(row.id);
      const still = await store.find(row.id);
      if (still?.state === 'submitted') return undefined;
      throw new Fault('SETTLEMENT_BUSY', { paymentId: row.id, waitedMs: parts.waitMs });
    }
    await store.openAnswer(row.id);
    return { kind: 'failure', rejection: stillPending, row };
  }
}

interface Limits {
  /** Milliseconds since 1970. */
  readonly deadline: number;
  readonly abort: AbortSignal;
}

const alreadyAnswered: Rejection = {
  reason: 'duplicate_settlement',
  detail: 'This payment was settled and its success was delivered before; one payment buys one answer',
};

const boundElsewhere: Rejection = {
  reason: 'duplicate_settlement',
  detail: 'This authorization was presented before under other requirements',
};

const stillPending: Rejection = {
  reason: 'settlement_pending',
  detail: 'The transaction was sent and is not confirmed yet; repeat the same request to learn the outcome',
};

function failureOf(row: PaymentRow): Rejection {
  return { reason: row.failureReason ?? 'unexpected_settle_error', detail: row.failureDetail ?? 'The payment failed' };
}

function refusalOf(submission: Submission | undefined): Settlement | typeof released {
  return submission?.kind === 'refused' ? { kind: 'failure', rejection: submission.rejection } : released;
}
