import type { Network } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { Submission } from './ready-payment.js';
import type { LastingWrites } from './lasting-writes.js';
import type { PaymentSignal } from './payment-signal.js';
import type { PaymentStore } from './payment-store.js';
import type { ClaimedPayment } from './submit.js';

/** How a process takes payments to the chain, or has others do it. */
export interface Submitter {
  /** Whether claims of callers are taken to a signature here; otherwise they wait for a process that can sign. */
  takesClaims(network: Network): boolean;
  submit(network: Network, claimed: ClaimedPayment): Promise<Submission>;
  /** Tells the processes that can sign that a claim waits for them. */
  announceQueued(network: Network, paymentId: string): Promise<void>;
}

export type NewSubmission = Pick<ClaimedPayment, 'paymentId' | 'payment' | 'claimedAtBlock' | 'isTakenOver'>;

/** What this process is submitting now, for callers of its own. */
export function createSubmissions(parts: {
  readonly store: PaymentStore;
  readonly signal: PaymentSignal;
  readonly submitter: Submitter;
  readonly writes: LastingWrites;
  /** Another process is to sign it, and its caller still waits. */
  readonly onHandedOver: (paymentId: string) => void;
  readonly log: Logger;
}) {
  const { store, signal, submitter, log } = parts;
  const underWay = new Map<string, { readonly submission: Promise<Submission>; isWithdrawn: boolean }>();

  return {
    start,
    ids: () => [...underWay.keys()],
    size: () => underWay.size,
    /** Its caller has given it up; what is signed goes on all the same. */
    withdraw(paymentId: string): void {
      const left = underWay.get(paymentId);
      if (left !== undefined) left.isWithdrawn = true;
    },
    /** Resolves when nothing is being submitted any more. */
    async idle(): Promise<void> {
      while (underWay.size > 0) await Promise.allSettled([...underWay.values()].map((each) => each.submission));
    },
  };

  function start(network: Network, claimed: NewSubmission): Promise<Submission> {
    const { paymentId } = claimed;
    const isWithdrawn = () => underWay.get(paymentId)?.isWithdrawn ?? false;
    const submission = submitter.submit(network, { ...claimed, alone: false, isWithdrawn }).then(release);
    underWay.set(paymentId, { submission, isWithdrawn: false });
    void submission.then((outcome) => {
      if (outcome.kind === 'handed_over' && !isWithdrawn()) parts.onHandedOver(paymentId);
      underWay.delete(paymentId);
      if (outcome.kind === 'trouble') log.warn({ err: outcome.error, paymentId }, 'settlement could not be submitted');
      // What is signed says nothing yet to whoever waits.
      if (outcome.kind !== 'submitted') signal.changed(paymentId);
    });
    return submission;

    /** Forgets the claim of what was not signed. Where that is uncertain, only a claim that signed nothing is forgotten. */
    async function release(outcome: Submission): Promise<Submission> {
      if (isKept(outcome)) return outcome;
      const trouble = 'a claim was not released';
      await store.release(paymentId).catch(() => {
        // It would keep the payment from everybody until its lease ends.
        void parts.writes.write({ paymentId, trouble, run: () => store.release(paymentId) });
      });
      return outcome;
    }
  }
}

/** Whether the payment goes on without this submission. */
function isKept({ kind }: Submission): boolean {
  return kind === 'submitted' || kind === 'overtaken' || kind === 'handed_over';
}
