import { randomUUID } from 'node:crypto';
import type { Database } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import type { AcceptablePayment, Chain, Clock, Network } from '@tollkeeper/protocol';
import { Fault } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { ProvenPayment } from '../payment/proven-payment.js';
import { findInFlight, type TransactionInFlight } from './chain-transactions.js';
import type { CheckpointHook } from './checkpoint.js';
import { createConclusion, type FinalObservation } from './conclude.js';
import { takeDelivery } from './delivery.js';
import { openLanes } from './lanes.js';
import { createPaymentSignal } from './payment-signal.js';
import { createPaymentStore, type PaymentStore } from './payment-store.js';
import { createSerial } from './serial.js';
import { createSettle, type Settlement } from './settle.js';
import { createSubmission, type Submission } from './submit.js';
import { createWatch, type Watch } from './watch.js';

/** How often the database is asked for transactions in flight that this process does not follow yet. */
const recoveryMs = 5_000;

export interface SettlementEngine {
  readonly store: PaymentStore;
  settle(payment: ProvenPayment, abort: AbortSignal): Promise<Settlement>;
  /** Opens the lanes and takes up what an earlier process left in flight. */
  start(): Promise<void>;
  /** Ends submissions under way and stops following the chain; the rest is taken up at the next start. */
  stop(): Promise<void>;
}

/** Puts the parts of the engine together, with one lane and one watch for each network. */
export function createSettlementEngine(parts: {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly chains: readonly Chain[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly waitMs: number;
  readonly pollMs: number;
  readonly checkpoint: CheckpointHook;
}): SettlementEngine {
  const { database, chains, clock, log, checkpoint } = parts;
  const signal = createPaymentSignal();
  const store = createPaymentStore({ database, clock, processId: randomUUID() });
  const conclude = createConclusion(parts);
  const rooms = new Map<Network, { submit: ReturnType<typeof createSubmission>; watch: Watch; chain: Chain }>();
  for (const chain of chains) {
    rooms.set(chain.network, {
      chain,
      submit: createSubmission({ database, store, chain, lane: createSerial(), checkpoint, log }),
      watch: createWatch({ chain, conclude: end, pollMs: parts.pollMs, resendMs: 3_000, log }),
    });
  }
  const { settle, idle } = createSettle({
    store,
    signal,
    clock,
    log,
    waitMs: parts.waitMs,
    submit,
    takeDelivery: (paymentId) => takeDelivery({ store, signal, log }, paymentId),
  });
  let recovery: NodeJS.Timeout | undefined;

  return { store, settle, start, stop };

  async function start(): Promise<void> {
    for (const { chain } of rooms.values()) await openLanes(database, chain);
    const recovered = await recover();
    for (const sent of recovered) await store.openAnswer(sent.paymentId);
    if (recovered.length > 0) log.info({ transactions: recovered.length }, 'unfinished settlements taken up');
    recovery = setInterval(() => {
      recover().catch((error: unknown) => {
        log.warn({ err: error }, 'unfinished settlements could not be read');
      });
    }, recoveryMs).unref();
  }

  async function stop(): Promise<void> {
    clearInterval(recovery);
    await idle();
    await Promise.all([...rooms.values()].map((room) => room.watch.stop()));
  }

  async function recover(): Promise<readonly TransactionInFlight[]> {
    const found = [];
    for (const { chain, watch } of rooms.values()) {
      for (const sent of await findInFlight(database, { network: chain.network })) {
        watch.track(sent);
        found.push(sent);
      }
    }
    return found;
  }

  async function submit(paymentId: string, payment: AcceptablePayment): Promise<Submission> {
    checkpoint('claimed');
    const room = rooms.get(payment.authorization.asset.network);
    if (room === undefined) throw new Fault('INTERNAL', { problem: 'a scheme without its chain' });
    const submission = await room.submit(paymentId, payment);
    if (submission.kind === 'submitted') room.watch.track(submission.sent);
    return submission;
  }

  async function end(sent: TransactionInFlight, observation: FinalObservation): Promise<void> {
    checkpoint('observed');
    const ended = await conclude(sent, observation);
    checkpoint('posted');
    if (ended)
      log.info({ paymentId: sent.paymentId, transaction: sent.id, outcome: observation.state }, 'settlement concluded');
    signal.changed(sent.paymentId);
  }
}
