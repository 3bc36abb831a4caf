import { setTimeout as sleep } from 'node:timers/promises';
import { type AcceptablePayment, type Chain, type Rejection, saysUsed } from '@tollkeeper/protocol';
import type { ReadyPayment, Submission } from './ready-payment.js';
import type { ClaimHeight } from './claim-heights.js';
import { findOverspending } from './find-overspending.js';
import type { Payer, PayerStanding, PaymentInFlight } from './payer-standing.js';
import type { ReadyQueue } from './ready-queue.js';
import { createKeyedSerial } from './serial.js';

/**
 * A payer that empties its account makes all its payments in flight fail at our cost, before any of them counts against it. So
 * many cost us little, and are more than an honest payer has in a few blocks.
 */
const inFlightMax = 32;

/** How often is looked whether a payer with so many has fewer. */
const crowdedLookMs = 100;

/** A payment that is claimed by this process. */
export interface ClaimedPayment {
  readonly paymentId: string;
  readonly payment: AcceptablePayment;
  /** It failed in company before. */
  readonly alone: boolean;
  /** The height of the chain when it was claimed, where another process has read it. */
  readonly claimedAtBlock?: bigint | undefined;
  /** Another process has claimed it, and died: the height now tells nothing of the claim. */
  readonly isTakenOver?: boolean;
  /** Whether its caller has given it up; nothing needs to be done for it then. */
  readonly isWithdrawn: () => boolean;
}

/**
 * Takes a claimed payment up to its signature: verify against the chain's state, and wait for a lane. What it answers is final
 * for this attempt; when it is `submitted`, signed bytes are stored and were sent.
 */
export function createSubmission(parts: {
  readonly chain: Chain;
  readonly queue: ReadyQueue;
  readonly standingOf: (payer: Payer) => Promise<PayerStanding>;
  /** A payer is turned away after so many failures at our cost within a while. */
  readonly payerFailuresMax: number;
  /** Sets the lanes to work. */
  readonly wake: () => void;
  readonly readHeight: () => ClaimHeight;
  /** Ends a payment that somebody else carried out after its claim; undefined where it was used otherwise. */
  readonly findOvertaking: (
    claimed: ClaimedPayment,
    claimedAtBlock: bigint | undefined,
  ) => Promise<Submission | 'stale' | undefined>;
}) {
  const { chain, queue } = parts;
  /** One payment at a time of one payer's token, so that each is verified after the one before it was signed. */
  const payers = createKeyedSerial();
  let verifying = 0;

  return {
    submit,
    /** How many payments are being verified: they will want a lane in a moment. */
    verifying: () => verifying,
  };

  async function submit(claimed: ClaimedPayment): Promise<Submission> {
    const { asset, payer } = claimed.payment.authorization;
    // As soon as it is claimed, because what a stranger carries out up to this height is taken for older than the claim.
    const height = heightOf(claimed);
    return payers(`${asset.token} ${payer}`, async () => {
      for (;;) {
        const ready = await verify(claimed, height);
        const outcome = typeof ready === 'string' || 'kind' in ready ? ready : await enqueue(ready);
        if (outcome === 'crowded') await sleep(crowdedLookMs);
        else if (outcome !== 'stale') return outcome;
      }
    });
  }

  async function heightOf({ alone, claimedAtBlock, isTakenOver }: ClaimedPayment): ClaimHeight {
    if (alone) return undefined;
    return claimedAtBlock ?? (isTakenOver === true ? undefined : parts.readHeight());
  }

  async function verify(claimed: ClaimedPayment, height: ClaimHeight): Promise<Attempt> {
    verifying += 1;
    try {
      return await attempt(claimed, height);
    } finally {
      verifying -= 1;
    }
  }

  async function attempt(claimed: ClaimedPayment, height: ClaimHeight): Promise<Attempt> {
    if (claimed.isWithdrawn()) return { kind: 'lost' };
    const { authorization } = claimed.payment;
    // Before the simulation: what it does not see yet is among these, even if it reaches the chain a moment later.
    const standing = await parts.standingOf({ payer: authorization.payer, token: authorization.asset.token });
    if (standing.recentFailures >= parts.payerFailuresMax) return { kind: 'refused', rejection: tooManyFailures };
    const earlier = standing.inFlight.filter(({ paymentId }) => paymentId !== claimed.paymentId);
    if (!claimed.alone && isCrowded(earlier)) return 'crowded';
    const verdict = await claimed.payment.verify();
    if (!verdict.valid) {
      const overtaking = saysUsed(verdict.rejection) ? await parts.findOvertaking(claimed, await height) : undefined;
      return overtaking ?? { kind: 'refused', rejection: verdict.rejection };
    }
    const overspent = await findOverspending(chain, authorization, earlier);
    if (overspent !== undefined) return { kind: 'refused', rejection: overspent };
    // Whoever waited for its turn in vain has gone with its claim; a place in a transaction would be wasted on it.
    if (claimed.isWithdrawn()) return { kind: 'lost' };
    const { paymentId, alone } = claimed;
    const knownInFlight = new Set(earlier.map((each) => each.paymentId));
    return { paymentId, payment: verdict.payment, knownInFlight, alone, claimHeight: height };
  }

  function enqueue(verified: Verified): Promise<Submission | 'stale'> {
    return new Promise((resolve) => {
      queue.add({ ...verified, end: resolve });
      parts.wake();
    });
  }
}

type Verified = Omit<ReadyPayment, 'end'>;

/** crowded: its payer has too much in flight. */
type Attempt = Submission | Verified | 'stale' | 'crowded';

/** What awaits another transaction does not count: it waits for its turn behind the one that asks. */
function isCrowded(earlier: readonly PaymentInFlight[]): boolean {
  return earlier.filter(({ retryAlone }) => !retryAlone).length >= inFlightMax;
}

const tooManyFailures: Rejection = {
  reason: 'unexpected_settle_error',
  detail: "Several of this payer's payments failed on chain within minutes; try again later",
  isPassing: true,
};
