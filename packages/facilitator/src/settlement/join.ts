import { Fault, isFault, type Clock, type Rejection } from '@tollkeeper/protocol';
import type { AnswerStore } from './answer-store.js';
import type { Delivery, TakeDelivery } from './delivery.js';
import type { LastingWrites } from './lasting-writes.js';
import { isOverdue } from './overdue-payments.js';
import type { PaymentRow } from './payment-row.js';
import type { PaymentSignal, PaymentSubscription } from './payment-signal.js';
import type { PaymentStore } from './payment-store.js';
import type { Submission } from './ready-payment.js';

/** How one `/settle` call ends. */
export type Settlement =
  /** The money moved and this caller is the one who is told so. */
  | { readonly kind: 'success'; readonly delivery: Delivery }
  /** Anything else. `row` is there where the payment is known to the database. */
  | { readonly kind: 'failure'; readonly rejection: Rejection; readonly row?: PaymentRow };

/** The claim is gone: another caller or process released it, and the authorization may be claimed anew. */
export const released = Symbol('released');

/** How long a caller waits. */
export interface Patience {
  /** Milliseconds since 1970. */
  readonly deadline: number;
  /** Fires when the caller is gone. */
  readonly abort: AbortSignal;
}

export type Join = (
  paymentId: string,
  waiting: {
    readonly patience: Patience;
    /** The submission that this very call started, if it did. */
    readonly own: Promise<Submission> | undefined;
    /** Whether this very call claimed the payment: what it does not get signed in time, it takes back. */
    readonly isOwner: boolean;
  },
) => Promise<Settlement | typeof released>;

/**
 * Waits for the outcome of a payment that is claimed, and decides what this caller is told.
 * @throws Fault `SETTLEMENT_BUSY` when nothing was signed in time, and what the own submission threw.
 */
export function createJoin(parts: {
  readonly store: PaymentStore;
  readonly answers: AnswerStore;
  readonly signal: PaymentSignal;
  readonly clock: Clock;
  readonly takeDelivery: TakeDelivery;
  readonly writes: LastingWrites;
}): Join {
  const { store, answers, signal, clock } = parts;

  return async function join(paymentId, waiting) {
    const changes = signal.subscribe(paymentId);
    try {
      return await waitFor(paymentId, { ...waiting, changes });
    } catch (error) {
      if (isFault(error, 'DATABASE_UNAVAILABLE')) leaveInOutage(paymentId);
      throw error;
    } finally {
      changes.end();
    }
  };

  async function waitFor(
    paymentId: string,
    { patience, own, isOwner, changes }: Parameters<Join>[1] & { readonly changes: PaymentSubscription },
  ): Promise<Settlement | typeof released> {
    const timeLeft = () => patience.deadline - clock.now().getTime();
    const wait = () => changes.wait({ timeoutMs: timeLeft(), abort: patience.abort });
    if (own !== undefined) {
      // What this process has just begun to submit is not over yet, and it hears when it is: with a success, as a rule.
      await wait();
      const delivery = await parts.takeDelivery(paymentId);
      if (delivery !== undefined) return { kind: 'success', delivery };
    }
    for (;;) {
      const row = await store.find(paymentId);
      // A refusal concerns the bytes that were submitted. Who joined may hold better ones, and submits its own.
      if (row === undefined) return own === undefined ? released : refusalOf(await own);
      const answer = await answerNow(row, isOwner);
      if (answer !== undefined) return answer;
      if (isUnsigned(row) && !row.leased) return released;
      if (timeLeft() <= 0 || patience.abort.aborted) {
        const last = await leave(parts, { row, isOwner });
        if (last !== undefined) return last;
      }
      await wait();
    }
  }

  /** The payment may go on without the caller, who must be able to collect its answer when the database is back. */
  function leaveInOutage(paymentId: string): void {
    const trouble = 'an answer that nobody got could not be noted as open';
    void parts.writes.write({ paymentId, trouble, run: () => answers.openAnswers([paymentId]) });
  }

  async function answerNow(row: PaymentRow, isOwner: boolean): Promise<Settlement | undefined> {
    if (row.state === 'refused' && isOwner) {
      // Another process would not sign it. Whoever joined waits until the row is gone, and tries for itself.
      await store.withdraw(row.id);
      return { kind: 'failure', rejection: failureOf(row) };
    }
    if (row.state === 'failed') return { kind: 'failure', rejection: failureOf(row), row };
    if (row.state !== 'settled') return undefined;
    if (row.delivered) return { kind: 'failure', rejection: alreadyAnswered, row };
    if (row.delivering) return undefined;
    const delivery = await parts.takeDelivery(row.id);
    if (delivery !== undefined) return { kind: 'success', delivery };
    // Nobody was told success, so this may be told: pay again.
    if (await store.isLost(row.id)) return { kind: 'failure', rejection: takenBack, row: { ...row, state: 'failed' } };
    return undefined;
  }
}

/** The caller waits no longer. What is signed goes on without it; what it claimed and did not sign is given up. */
async function leave(
  { store, answers, clock }: { readonly store: PaymentStore; readonly answers: AnswerStore; readonly clock: Clock },
  { row, isOwner }: { readonly row: PaymentRow; readonly isOwner: boolean },
): Promise<Settlement | undefined> {
  if (isUnsigned(row)) {
    if (isOwner) await store.withdraw(row.id);
    const still = await store.find(row.id);
    if (still !== undefined && !isUnsigned(still)) return undefined;
    throw new Fault('SETTLEMENT_BUSY', { paymentId: row.id });
  }
  await answers.openAnswers([row.id]);
  return { kind: 'failure', rejection: isOverdue(row, clock.now()) ? overdue : stillPending, row };
}

/** What became of a claim that left no row. */
function refusalOf(submission: Submission): Settlement | typeof released {
  if (submission.kind === 'trouble') throw submission.error;
  return submission.kind === 'refused' ? { kind: 'failure', rejection: submission.rejection } : released;
}

function isUnsigned({ state }: PaymentRow): boolean {
  return state === 'claimed' || state === 'refused';
}

function failureOf(row: PaymentRow): Rejection {
  return { reason: row.failureReason ?? 'unexpected_settle_error', detail: row.failureDetail ?? 'The payment failed' };
}

const alreadyAnswered: Rejection = {
  reason: 'duplicate_settlement',
  detail: 'This payment was settled and its success was delivered before; one payment buys one answer',
};

const takenBack: Rejection = {
  reason: 'unexpected_settle_error',
  detail: 'A reorganisation of the chain has undone the transfer, and no block can hold it any more',
};

const stillPending: Rejection = {
  reason: 'settlement_pending',
  detail: 'The transaction was sent and is not confirmed yet; repeat the same request to learn the outcome',
};

const overdue: Rejection = {
  reason: 'settlement_pending',
  detail:
    'The transaction was sent long ago and its outcome is still not known, as the operator is told; repeat the same request later',
};
