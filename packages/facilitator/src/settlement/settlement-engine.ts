import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import {
  Fault,
  type Authorization,
  type Chain,
  type Clock,
  type Examination,
  type Network,
  type Payment,
} from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { ProvenPayment } from '../payment/proven-payment.js';
import { createAnswerStore } from './answer-store.js';
import type { CheckpointHook } from './checkpoint.js';
import { createDeliveries } from './delivery.js';
import type { OnFinalityChange } from './finality/finality-news.js';
import { createFinalityWatch } from './finality/finality-watch.js';
import { createJoin, type Settlement } from './join.js';
import { createLastingWrites } from './lasting-writes.js';
import { createNetworkSettlement, type NetworkSettlement } from './network-settlement.js';
import { createPaymentSignal } from './payment-signal.js';
import { createPaymentStore, type PaymentStore } from './payment-store.js';
import { createQueueNews } from './queue-news.js';
import { createSettle } from './settle.js';
import { createSettling } from './settle-legs.js';
import type { SettlementEvents } from './settlement-events.js';
import type { SettlementLimits } from './settlement-limits.js';

/** Every so many times that a process looks after its lanes it also looks at what changes more slowly. */
const tendsPer = { places: 2, lateTransfers: 8, balances: 15 };

export interface SettlementEngine {
  readonly store: PaymentStore;
  settle(payment: ProvenPayment, abort: AbortSignal): Promise<Settlement>;
  /** Opens the lanes and takes up what an earlier process left in flight. */
  start(): Promise<void>;
  /** What waits and what is in flight here, by network. */
  state(): readonly ({ readonly network: Network } & ReturnType<NetworkSettlement['state']>)[];
  /** Ends submissions under way and stops following the chain; the rest is taken up at the next start. */
  stop(): Promise<void>;
}

export interface SettlementEngineParts {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly chains: readonly Chain[];
  /** Examines what is stored of a payment again. */
  readonly examine: (payment: Payment) => Examination;
  readonly clock: Clock;
  readonly log: Logger;
  readonly waitMs: number;
  readonly queueMax: number;
  /** Whether this process signs, or leaves that to others. */
  readonly signs: boolean;
  /** Why a payment may not be signed now, by the operator's wish. */
  readonly pauseOf: (authorization: Authorization) => Fault | undefined;
  readonly limits: SettlementLimits;
  readonly events: SettlementEvents;
  readonly finalityPollMs: (network: Network) => number;
  readonly onFinalityChange: OnFinalityChange;
  /** How often this process keeps its claims and lanes, and looks after what other processes have left; well within a lease. */
  readonly tendMs: number;
  readonly checkpoint: CheckpointHook;
}

/** Puts the parts of the engine together. */
export function createSettlementEngine(parts: SettlementEngineParts): SettlementEngine {
  const { database, clock, log } = parts;
  const signal = createPaymentSignal(parts);
  const store = createPaymentStore({ database, processId: randomUUID() });
  const answers = createAnswerStore(database);
  const settling = createSettling(parts);
  const writes = createLastingWrites({ log });
  const networks = new Map(
    parts.chains.map((chain) => [
      chain.network,
      createNetworkSettlement({ ...parts, chain, store, signal, settle: settling.settle }),
    ]),
  );
  const finality = parts.chains.map((chain) =>
    createFinalityWatch({
      ...parts,
      chain,
      pollMs: parts.finalityPollMs(chain.network),
      onChange: parts.onFinalityChange,
    }),
  );
  const news = createQueueNews({ database, networks: [...networks.values()] });
  const takeDelivery = createDeliveries({ ...parts, answers, signal, writes });
  const join = createJoin({ store, answers, signal, clock, takeDelivery, writes });
  const submitter = {
    canSign: (network: Network) => networkOf(network).canSign(),
    submit: (network: Network, claimed: Parameters<NetworkSettlement['submit']>[0]) =>
      networkOf(network).submit(claimed),
    announceQueued: news.announce,
  };
  const { settle, keepClaims, idle } = createSettle({ ...parts, store, signal, submitter, join, writes });
  const stopping = new AbortController();
  let tending: Promise<void> | undefined;

  return {
    store,
    settle,
    start,
    state: () => [...networks.values()].map((each) => ({ network: each.network, ...each.state() })),
    stop,
  };

  async function start(): Promise<void> {
    await signal.start();
    await news.start();
    for (const network of networks.values()) {
      await network.lookAtBalances();
      await network.tendLanes();
      const unfinished = await network.follow();
      for (const { legs } of unfinished) await answers.openAnswers(legs.map(({ paymentId }) => paymentId));
      const { lanes } = network.state();
      log.info({ network: network.network, unfinished: unfinished.length, lanes }, 'settlement ready');
    }
    for (const watch of finality) watch.start();
    tending ??= tendUntilStopped();
  }

  async function tendUntilStopped(): Promise<void> {
    for (let turn = 1; !stopping.signal.aborted; turn += 1) {
      await sleep(parts.tendMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      await attempt(keepClaims);
      await attempt(() => store.releaseAllAbandoned([...networks.keys()]));
      await Promise.all([...networks.values()].map((network) => tend(network, turn)));
    }
  }

  async function tend(network: NetworkSettlement, turn: number): Promise<void> {
    await attempt(network.keep);
    await attempt(network.tendLanes);
    await attempt(network.follow);
    if (turn % tendsPer.places === 0) await attempt(network.lookAtPlaces);
    if (turn % tendsPer.lateTransfers === 0) await attempt(network.lookForLateTransfers);
    // Whoever funds a signer is waiting for it to be noticed.
    if (turn % tendsPer.balances === 0 || network.state().poor > 0) await attempt(network.lookAtBalances);
  }

  async function attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn({ err: error }, 'unfinished settlements could not be looked after');
    }
  }

  async function stop(): Promise<void> {
    stopping.abort();
    await tending;
    await news.stop();
    await idle();
    await Promise.all([...networks.values()].map((network) => attempt(network.stop)));
    await Promise.all(finality.map((watch) => watch.stop()));
    await settling.stop();
    await writes.stop();
    await signal.stop();
  }

  function networkOf(network: Network): NetworkSettlement {
    const found = networks.get(network);
    if (found === undefined) throw new Fault('INTERNAL', { problem: 'a scheme without its chain' });
    return found;
  }
}
