import { setTimeout as sleep } from 'node:timers/promises';
import type { Authorization, Chain, Fault } from '@tollkeeper/protocol';
import type { ReadyPayment } from './ready-payment.js';
import { createPlanAndSign, type PlanAndSignParts } from './plan-and-sign.js';
import { createSending, type SendingParts } from './sending.js';

/** Where the signers do not number their transactions, this many are signed and stored together. */
const unorderedAtOnce = 16;

/** So long a crowd is waited for, and so often is looked whether it has come. */
const [gatherMs, gatherStepMs] = [40, 4];

export interface LaneWork {
  /** Goes to work if there is any and nobody is at it already. */
  wake(): void;
  /** Resolves when the work under way is done. */
  idle(): Promise<void>;
}

export interface LaneWorkParts extends Omit<PlanAndSignParts, 'send'>, SendingParts {
  readonly chain: Chain;
  /** Why a payment may not be signed now, by the operator's wish. */
  readonly pauseOf: (authorization: Authorization) => Fault | undefined;
  /** How many payments will want a lane in a moment. */
  readonly verifying: () => number;
}

/**
 * Works one lane: plans what waits, signs and stores it, and only then sends it, in the order of the account nonces. The next
 * transaction is signed while the one before is being sent.
 */
export function createLaneWork(parts: LaneWorkParts): LaneWork {
  const { chain, queue } = parts;
  const sending = createSending(parts);
  const planAndSign = createPlanAndSign({
    ...parts,
    send: (payments, transactions) => sending.send(payments, transactions),
  });
  let running: Promise<void> | undefined;

  return {
    wake() {
      running ??= run();
    },
    async idle() {
      while (running !== undefined) await running;
      await sending.idle();
    },
  };

  async function run(): Promise<void> {
    try {
      // After everything that became ready in this turn of the event loop, so that it travels together.
      await new Promise(setImmediate);
      while (queue.size() > 0 && parts.lane() !== undefined) {
        await gather();
        await planAndSign(unpaused(takeNext()));
      }
    } finally {
      // In the same turn as the check above, so that nothing is added in between and left alone.
      running = undefined;
    }
  }

  /** In a crowd, more are about to be ready than wait: a transaction is not worth its price for the first few of them. */
  async function gather(): Promise<void> {
    for (let waitedMs = 0; waitedMs < gatherMs && parts.verifying() > queue.size(); waitedMs += gatherStepMs) {
      await sleep(gatherStepMs);
    }
  }

  function takeNext(): readonly ReadyPayment[] {
    if (chain.ordered) return queue.take();
    const some: ReadyPayment[] = [];
    while (some.length < unorderedAtOnce && queue.size() > 0) some.push(...queue.take());
    return some;
  }

  /** Those that may be signed; the others are told why not. */
  function unpaused(payments: readonly ReadyPayment[]): readonly ReadyPayment[] {
    return payments.filter((each) => {
      const pause = parts.pauseOf(each.payment.authorization);
      if (pause !== undefined) each.end({ kind: 'trouble', error: pause });
      return pause === undefined;
    });
  }
}
