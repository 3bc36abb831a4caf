import { Fault, type Clock, type Network } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { ProvenPayment } from '../payment/proven-payment.js';
import { uuidv7 } from '../uuid.js';
import type { NewClaim } from './claim-store.js';
import type { LastingWrites } from './lasting-writes.js';
import type { PaymentSignal } from './payment-signal.js';
import type { PaymentStore } from './payment-store.js';
import type { ClaimLimit } from './claim-limit.js';
import type { Submission } from './ready-payment.js';
import { createSubmissions, type NewSubmission, type Submitter } from './submissions.js';
import type { ClaimedPayment } from './submit.js';

/** A claim of this process. */
export interface OwnClaim {
  readonly paymentId: string;
  /** Undefined where another process is to sign. */
  readonly submission: Promise<Submission> | undefined;
  /** Its caller waits no longer; what is signed goes on all the same. */
  leave(): void;
}

export type Claiming = ReturnType<typeof createClaiming>;

/** Claims authorizations for callers of this process, and takes what it has claimed to a signature, here or elsewhere. */
export function createClaiming(parts: {
  readonly store: PaymentStore;
  readonly signal: PaymentSignal;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who finds none is turned away before anything is claimed. */
  readonly claimLimit: ClaimLimit;
  readonly submitter: Submitter;
  readonly writes: LastingWrites;
}) {
  const { store, clock, submitter } = parts;
  /** What this process has claimed and another one is to sign. */
  const queued = new Set<string>();
  const submissions = createSubmissions({ ...parts, onHandedOver: (paymentId) => queued.add(paymentId) });

  return { begin, keep, idle: () => submissions.idle() };

  /** Work on a claim may take longer than its lease: a crowd before it, or a slow node. To be called well within a lease. */
  async function keep(): Promise<void> {
    if (submissions.size() > 0) await store.renewLeases(submissions.ids());
    if (queued.size > 0) await store.renewQueued([...queued]);
  }

  /**
   * Claims the authorization, and starts to submit what it was presented with. Undefined where it is claimed, or may not be.
   * @throws Fault `SETTLEMENT_QUEUE_FULL` when no place is left for a new claim of this payer.
   */
  async function begin({ authorization, start, request }: ProvenPayment): Promise<OwnClaim | undefined> {
    if ('rejection' in start) {
      await store.releaseAbandoned(authorization.claimKey);
      return undefined;
    }
    const { network } = authorization.asset;
    const place = parts.claimLimit.take(authorization);
    // Whoever joins costs nothing more, so only a new claim is turned away.
    if (place === undefined && (await store.findByClaimKey(authorization.claimKey)) === undefined) {
      throw new Fault('SETTLEMENT_QUEUE_FULL');
    }
    const giveBack = () => place?.();
    const held = submitter.takesClaims(network);
    try {
      const claimed = await claim(parts, { id: uuidv7(clock), authorization, request, held });
      if (claimed !== undefined) {
        const own = { network, giveBack };
        return held
          ? submit({ ...claimed, payment: start.acceptable }, own)
          : await leaveToOthers(claimed.paymentId, own);
      }
    } catch (error) {
      giveBack();
      throw error;
    }
    giveBack();
    return undefined;
  }

  function submit(claimed: NewSubmission, { network, giveBack }: Place): OwnClaim {
    const { paymentId } = claimed;
    const submission = submissions.start(network, claimed);
    // What was handed over keeps its place while its caller waits.
    void submission.then(() => {
      if (!queued.has(paymentId)) giveBack();
    });
    return { paymentId, submission, leave: () => leave(paymentId, giveBack) };
  }

  async function leaveToOthers(paymentId: string, { network, giveBack }: Place): Promise<OwnClaim> {
    queued.add(paymentId);
    // The claim stands: whoever can sign finds it a moment later, and its caller waits for that.
    await submitter.announceQueued(network, paymentId).catch((error: unknown) => {
      parts.log.warn({ err: error, paymentId }, 'a claim that waits for a signature could not be announced');
    });
    return { paymentId, submission: undefined, leave: () => leave(paymentId, giveBack) };
  }

  function leave(paymentId: string, giveBack: () => void): void {
    if (queued.delete(paymentId)) giveBack();
    submissions.withdraw(paymentId);
  }
}

interface Place {
  readonly network: Network;
  readonly giveBack: () => void;
}

async function claim(
  { store, writes }: { readonly store: PaymentStore; readonly writes: LastingWrites },
  fresh: NewClaim,
): Promise<Pick<ClaimedPayment, 'paymentId' | 'claimedAtBlock' | 'isTakenOver'> | undefined> {
  const own = { paymentId: fresh.id };
  try {
    if (await store.claim(fresh)) return own;
    const abandoned = await store.takeOverAbandoned(fresh);
    if (abandoned !== undefined) {
      const { paymentId, claimedAtBlock } = abandoned;
      return { paymentId, isTakenOver: true, claimedAtBlock: claimedAtBlock ?? undefined };
    }
    // Any other is forgotten: it was made with other bytes, or under requirements that may be others than these.
    const isFree = await store.releaseAbandoned(fresh.authorization.claimKey);
    return isFree && (await store.claim(fresh)) ? own : undefined;
  } catch (error) {
    // The row may be there although the answer was lost; nobody works on it, and it would be in everybody's way.
    const trouble = 'a claim that nobody works on was not released';
    void writes.write({ paymentId: fresh.id, trouble, run: () => store.withdraw(fresh.id) });
    throw error;
  }
}
