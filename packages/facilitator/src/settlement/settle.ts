import type { AcceptablePayment, Clock, Rejection } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { ProvenPayment } from '../payment/proven-payment.js';
import { released, type Join, type Patience, type Settlement } from './join.js';
import { isForSameRequirements } from './payment-row.js';
import type { PaymentSignal } from './payment-signal.js';
import type { PaymentStore } from './payment-store.js';
import type { Submission } from './submit.js';

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
  readonly join: Join;
}) {
  const { store, signal, clock, log, join } = parts;
  /** What this process is submitting now, by payment. */
  const submissions = new Map<string, Promise<Submission>>();

  return { settle, keepClaims, idle };

  /**
   * @param abort fires when the caller is gone.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`, `DATABASE_UNAVAILABLE`, or `SETTLEMENT_BUSY` when nothing was signed in time.
   */
  async function settle(payment: ProvenPayment, abort: AbortSignal): Promise<Settlement> {
    const patience = { deadline: clock.now().getTime() + parts.waitMs, abort };
    for (;;) {
      const own = await begin(payment);
      const end =
        own === undefined ? await joinOther(payment, patience) : await join(own.paymentId, { patience, ...own });
      if (end !== released) return end;
    }
  }

  /** Work on a claim may take longer than its lease: a crowd before it, or a slow node. To be called well within a lease. */
  async function keepClaims(): Promise<void> {
    if (submissions.size > 0) await store.renewLeases([...submissions.keys()]);
  }

  /** Resolves when nothing is being submitted any more. */
  async function idle(): Promise<void> {
    while (submissions.size > 0) await Promise.allSettled(submissions.values());
  }

  /** Claims the authorization, and starts to submit what it was presented with. */
  async function begin({ authorization, x402Version, start }: ProvenPayment) {
    if ('rejection' in start) {
      await store.releaseAbandoned(authorization.claimKey);
      return undefined;
    }
    const claim = () => store.claim(authorization, x402Version);
    // An abandoned claim is forgotten and not taken over: it was made under requirements that may be others than these.
    const paymentId =
      (await claim()) ?? ((await store.releaseAbandoned(authorization.claimKey)) ? await claim() : undefined);
    return paymentId === undefined ? undefined : { paymentId, own: startSubmission(paymentId, start.acceptable) };
  }

  /** The authorization is somebody else's claim, or of old, or may not be claimed any more. */
  async function joinOther(payment: ProvenPayment, patience: Patience): Promise<Settlement | typeof released> {
    const row = await store.findByClaimKey(payment.authorization.claimKey);
    if (row === undefined) {
      return 'rejection' in payment.start ? { kind: 'failure', rejection: payment.start.rejection } : released;
    }
    if (!isForSameRequirements(row, payment.authorization)) return { kind: 'failure', rejection: boundElsewhere };
    return join(row.id, { patience, own: undefined });
  }

  function startSubmission(paymentId: string, payment: AcceptablePayment): Promise<Submission> {
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
    return submission;
  }
}

const boundElsewhere: Rejection = {
  reason: 'duplicate_settlement',
  detail: 'This authorization was presented before under other requirements',
};
