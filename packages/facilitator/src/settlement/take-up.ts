import type { Database } from '@tollkeeper/database';
import {
  type AcceptablePayment,
  type Chain,
  type Examination,
  type Payment,
  type Rejection,
  saysUsed,
} from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { Submission } from './ready-payment.js';
import { endRetry } from './close-transactions.js';
import type { PaymentSignal } from './payment-signal.js';
import type { PaymentStore } from './payment-store.js';
import type { QueuedPayment } from './queued-payments.js';
import type { SettlementEvents } from './settlement-events.js';
import type { Settled } from './settle-legs.js';
import type { ClaimedPayment } from './submit.js';

/** How many payments are taken up at once; the others are left to other processes, or to the next time. */
const takenAtOnce = 200;

export interface TakeUp {
  /** Goes on with what other processes have left to whoever can sign. Never throws. */
  takeQueued(): Promise<void>;
  /** Carries out what a reorg took back and what nothing that we have signed can bring again. Never throws. */
  takeDropped(): Promise<void>;
  /** Sends these again, each alone. This process has the leases. Never throws. */
  retry(paymentIds: readonly string[]): Promise<void>;
  /** What is under way, whose leases are to be kept. */
  underWay(): readonly string[];
  /** Begins nothing more that is not signed yet, leaves it to other processes, and resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

interface TakeUpParts {
  readonly database: Database;
  readonly chain: Chain;
  readonly store: PaymentStore;
  readonly signal: PaymentSignal;
  readonly examine: (payment: Payment) => Promise<Examination>;
  readonly submit: (claimed: ClaimedPayment) => Promise<Submission>;
  readonly settle: (settled: Settled) => Promise<boolean>;
  readonly canSign: () => boolean;
  readonly events: SettlementEvents;
  readonly log: Logger;
}

/** Goes on with payments from what is stored of them, whoever received them. */
export function createTakeUp(parts: TakeUpParts): TakeUp {
  const { chain, store, log } = parts;
  const { network } = chain;
  const underWay = new Map<string, Promise<void>>();
  let isStopping = false;

  return {
    async takeQueued() {
      if (!parts.canSign()) return;
      await guarded(async () => start(await store.takeQueued(network, takenAtOnce)));
    },
    async takeDropped() {
      if (!parts.canSign()) return;
      await guarded(async () => start(await store.takeDropped(network, takenAtOnce)));
    },
    async retry(paymentIds) {
      if (paymentIds.length === 0) return;
      await guarded(async () => start(await store.findOwnRetries(paymentIds)));
    },
    underWay: () => [...underWay.keys()],
    async stop() {
      isStopping = true;
      while (underWay.size > 0) await Promise.all(underWay.values());
    },
  };

  async function guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn({ err: error, network }, 'payments could not be taken up; it is tried again');
    }
  }

  function start(payments: readonly QueuedPayment[]): void {
    for (const queued of payments) {
      if (underWay.has(queued.paymentId)) continue;
      const work = guarded(() => goOn({ ...parts, isStopping: () => isStopping }, queued)).finally(() => {
        underWay.delete(queued.paymentId);
        parts.signal.changed(queued.paymentId);
      });
      underWay.set(queued.paymentId, work);
    }
  }
}

async function goOn(parts: TakeUpParts & { readonly isStopping: () => boolean }, queued: QueuedPayment): Promise<void> {
  const { paymentId, alone, claimedAtBlock, isTakenOver } = queued;
  const examined = await examine(parts, queued);
  const outcome: Submission =
    'rejection' in examined
      ? { kind: 'refused', rejection: examined.rejection }
      : await parts.submit({
          paymentId,
          payment: examined.payment,
          alone,
          isTakenOver,
          ...(claimedAtBlock === null ? {} : { claimedAtBlock }),
          isWithdrawn: parts.isStopping,
        });
  if (outcome.kind === 'trouble') throw outcome.error;
  if (outcome.kind === 'lost' && parts.isStopping()) {
    await parts.store.handOver([{ paymentId, claimedAtBlock: claimedAtBlock ?? undefined }]);
  }
  if (outcome.kind !== 'refused') return;
  if (alone) await endHopeless(parts, { paymentId, rejection: outcome.rejection });
  else await parts.store.refuse(paymentId, outcome.rejection);
}

async function examine(
  parts: TakeUpParts,
  { request }: QueuedPayment,
): Promise<{ payment: AcceptablePayment } | { rejection: Rejection }> {
  if (request === undefined) return { rejection: unreadable };
  const examination = await parts.examine(request);
  return examination.kind === 'acceptable' ? { payment: examination.payment } : { rejection: examination.rejection };
}

/** It was signed before, so the refusal may mean that somebody else has carried it out meanwhile. */
async function endHopeless(
  { database, chain, store, settle, events }: TakeUpParts,
  { paymentId, rejection }: { readonly paymentId: string; readonly rejection: Rejection },
): Promise<void> {
  // Its authorization ends what no better moment comes for.
  if (rejection.isPassing === true) {
    await store.defer(paymentId);
    return;
  }
  const [claimed] = await store.findClaimedTransfers([paymentId]);
  const use = claimed && (await chain.findUse?.(claimed));
  if (use?.state === 'transferred' && use.isConfirmed) await settle({ paymentId, effect: use.effect });
  // In a block that does not count yet, or in one that this node does not have.
  else if (use?.state === 'transferred' || (use?.state === 'unused' && saysUsed(rejection)))
    await store.defer(paymentId);
  else if (await endRetry(database, { paymentId, processId: store.processId, rejection }))
    events.onConcluded({ network: chain.network, state: 'failed', payments: 1 });
}

const unreadable: Rejection = {
  reason: 'unexpected_settle_error',
  detail: 'An older version stored too little of this payment to send it again',
};
