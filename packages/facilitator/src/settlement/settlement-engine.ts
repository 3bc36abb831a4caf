import { randomUUID } from 'node:crypto';
import type { Database } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import { Fault, type AcceptablePayment, type Chain, type Clock, type Network } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { ProvenPayment } from '../payment/proven-payment.js';
import { createAnswerStore } from './answer-store.js';
import type { CheckpointHook } from './checkpoint.js';
import { createConclusion } from './conclude.js';
import { createDeliveries } from './delivery.js';
import { createJoin, type Settlement } from './join.js';
import { createLastingWrites } from './lasting-writes.js';
import { createNetworkSettlement } from './network-settlement.js';
import type { OnFinalityChange } from './finality/finality-news.js';
import { createFinalityWatch } from './finality/finality-watch.js';
import { createPaymentSignal } from './payment-signal.js';
import { createPaymentStore, type PaymentStore } from './payment-store.js';
import { createSettle } from './settle.js';
import type { Submission } from './submit.js';

/** How often this process keeps its claims, and looks after what other processes have left. A third of a claim's lease. */
const tendMs = 5_000;

export interface SettlementEngine {
  readonly store: PaymentStore;
  settle(payment: ProvenPayment, abort: AbortSignal): Promise<Settlement>;
  /** Opens the lanes and takes up what an earlier process left in flight. */
  start(): Promise<void>;
  /** Ends submissions under way and stops following the chain; the rest is taken up at the next start. */
  stop(): Promise<void>;
}

/** Puts the parts of the engine together. */
export function createSettlementEngine(parts: {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly chains: readonly Chain[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly waitMs: number;
  readonly pollMs: number;
  readonly finalityPollMs: (network: Network) => number;
  readonly onFinalityChange: OnFinalityChange;
  readonly checkpoint: CheckpointHook;
}): SettlementEngine {
  const { database, clock, log } = parts;
  const signal = createPaymentSignal();
  const store = createPaymentStore({ database, clock, processId: randomUUID() });
  const answers = createAnswerStore(database);
  const conclude = createConclusion(parts);
  const writes = createLastingWrites({ log });
  const networks = parts.chains.map((chain) =>
    createNetworkSettlement({ ...parts, chain, store, signal, conclude, writes }),
  );
  const finality = parts.chains.map((chain) =>
    createFinalityWatch({
      ...parts,
      chain,
      pollMs: parts.finalityPollMs(chain.network),
      onChange: parts.onFinalityChange,
    }),
  );
  const takeDelivery = createDeliveries({ answers, signal, writes });
  const join = createJoin({ store, answers, signal, clock, takeDelivery, writes });
  const { settle, keepClaims, idle } = createSettle({ ...parts, store, signal, submit, join });
  let tending: NodeJS.Timeout | undefined;

  return { store, settle, start, stop };

  async function start(): Promise<void> {
    for (const network of networks) {
      await network.openLanes();
      const unfinished = await network.takeUp();
      for (const sent of unfinished) await answers.openAnswer(sent.paymentId);
      log.info({ network: network.network, unfinished: unfinished.length }, 'settlement ready');
    }
    for (const watch of finality) watch.start();
    tending = setInterval(() => {
      tend().catch((error: unknown) => {
        log.warn({ err: error }, 'unfinished settlements could not be looked after');
      });
    }, tendMs).unref();
  }

  async function tend(): Promise<void> {
    await keepClaims();
    await store.releaseAllAbandoned(networks.map(({ network }) => network));
    for (const network of networks) await network.takeUp();
  }

  async function stop(): Promise<void> {
    clearInterval(tending);
    await idle();
    await Promise.all(networks.map((network) => network.stop()));
    await Promise.all(finality.map((watch) => watch.stop()));
    await writes.stop();
  }

  async function submit(paymentId: string, payment: AcceptablePayment): Promise<Submission> {
    const network = networks.find((each) => each.network === payment.authorization.asset.network);
    if (network === undefined) throw new Fault('INTERNAL', { problem: 'a scheme without its chain' });
    return network.submit(paymentId, payment);
  }
}
