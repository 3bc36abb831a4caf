import type { Clock, Rejection } from '@tollkeeper/protocol';
import type { ProvenPayment } from '../payment/proven-payment.js';
import type { Claiming, OwnClaim } from './claiming.js';
import { released, type Join, type Patience, type Settlement } from './join.js';
import { isForSameRequirements } from './payment-row.js';
import type { PaymentStore } from './payment-store.js';

/**
 * Settles a payment, or joins its settlement, and waits a bounded time for the outcome. Of all the calls for one
 * authorization, in any encoding, at any time, exactly one is answered success.
 */
export function createSettle(parts: {
  readonly store: PaymentStore;
  readonly clock: Clock;
  readonly waitMs: number;
  readonly claiming: Claiming;
  readonly join: Join;
}) {
  const { store, clock, claiming, join } = parts;

  /**
   * @param abort fires when the caller is gone.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`, `DATABASE_UNAVAILABLE`, `SETTLEMENT_QUEUE_FULL` when nothing was claimed, or
   * `SETTLEMENT_BUSY` when nothing was signed in time.
   */
  return async function settle(payment: ProvenPayment, abort: AbortSignal): Promise<Settlement> {
    const patience = { deadline: clock.now().getTime() + parts.waitMs, abort };
    for (;;) {
      const own = await claiming.begin(payment);
      const end = own === undefined ? await joinOther(payment, patience) : await joinOwn(own, patience);
      if (end !== released) return end;
    }
  };

  async function joinOwn(claim: OwnClaim, patience: Patience): Promise<Settlement | typeof released> {
    try {
      return await join(claim.paymentId, { patience, own: claim.submission, isOwner: true });
    } finally {
      claim.leave();
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

const boundElsewhere: Rejection = {
  reason: 'duplicate_settlement',
  detail: 'This authorization was presented before under other requirements',
};
