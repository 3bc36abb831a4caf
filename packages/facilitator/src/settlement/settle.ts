import { Fault, type Clock, type Rejection } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { ProvenPayment } from '../payment/proven-payment.js';
import type { Submission } from './ready-payment.js';
import { uuidv7 } from '../uuid.js';
import { released, type Join, type Patience, type Settlement } from './join.js';
import type { LastingWrites } from './lasting-writes.js';
import { isForSameRequirements } from './payment-row.js';
import type { PaymentSignal } from './payment-signal.js';
import type { NewClaim } from './claim-store.js';
import type { PaymentStore } from './payment-store.js';
import type { ClaimedPayment } from './submit.js';
import { createSubmissions, type Submitter } from './submissions.js';

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
  /** So many claims may wait for a signature here; more are turned away before anything is claimed. */
  readonly queueMax: number;
  readonly submitter: Submitter;
  readonly join: Join;
  readonly writes: LastingWrites;
}) {
  const { store, clock, join, submitter } = parts;
  /** What this process has claimed and another one is to sign. */
  const queued = new Set<string>();
  const submissions = createSubmissions({ ...parts, onHandedOver: (paymentId) => queued.add(paymentId) });

  return { settle, keepClaims, idle: () => submissions.idle() };

  /**
   * @param abort fires when the caller is gone.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`, `DATABASE_UNAVAILABLE`, `SETTLEMENT_QUEUE_FULL` when nothing was claimed, or
   * `SETTLEMENT_BUSY` when nothing was signed in time.
   */
  async function settle(payment: ProvenPayment, abort: AbortSignal): Promise<Settlement> {
    const patience = { deadline: clock.now().getTime() + parts.waitMs, abort };
    for (;;) {
      const own = await begin(payment);
      const end = own === undefined ? await joinOther(payment, patience) : await joinOwn(own, patience);
      if (end !== released) return end;
    }
  }

  /** Work on a claim may take longer than its lease: a crowd before it, or a slow node. To be called well within a lease. */
  async function keepClaims(): Promise<void> {
    if (submissions.size() > 0) await store.renewLeases(submissions.ids());
    if (queued.size > 0) await store.renewQueued([...queued]);
  }

  /** Claims the authorization, and starts to submit what it was presented with. */
  async function begin(payment: ProvenPayment) {
    const { authorization, start, request } = payment;
    if ('rejection' in start) {
      await store.releaseAbandoned(authorization.claimKey);
      return undefined;
    }
    // Whoever joins costs nothing more, so only a new claim is turned away.
    if (isFull() && (await store.findByClaimKey(authorization.claimKey)) === undefined) {
      throw new Fault('SETTLEMENT_QUEUE_FULL');
    }
    const { network } = authorization.asset;
    const held = submitter.canSign(network);
    const claimed = await claim(parts, { id: uuidv7(clock), authorization, request, held });
    if (claimed === undefined) return undefined;
    const { paymentId } = claimed;
    if (held) return { paymentId, own: submissions.start(network, { ...claimed, payment: start.acceptable }) };
    queued.add(paymentId);
    await submitter.announceQueued(network, paymentId);
    return { paymentId, own: undefined };
  }

  function isFull(): boolean {
    return submissions.size() + queued.size >= parts.queueMax;
  }

  async function joinOwn(
    { paymentId, own }: { readonly paymentId: string; readonly own: Promise<Submission> | undefined },
    patience: Patience,
  ): Promise<Settlement | typeof released> {
    try {
      return await join(paymentId, { patience, own, isOwner: true });
    } finally {
      queued.delete(paymentId);
      submissions.withdraw(paymentId);
    }
  }

  /** The authorization is somebody else's claim, or of old, or may not be claimed any more. */
  async function joinOther(payment: ProvenPayment, patience: Patience): Promise<Settlement | typeof released> {
    const row = await store.findByClaimKey(payment.authorization.claimKey);
    if (row === undefined) {
      return 'rejection' in payment.start ? { kind: 'failure', rejection: payment.start.rejection } : released;
    }
    if (!isForSameRequirements(row, payment.authorization)) return { kind: 'failure', rejection: boundElsewhere };
    return join(row.id, { patience, own: undefined, isOwner: false });
  }
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

const boundElsewhere: Rejection = {
  reason: 'duplicate_settlement',
  detail: 'This authorization was presented before under other requirements',
};
