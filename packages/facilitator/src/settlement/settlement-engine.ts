import { randomUUID } from 'node:crypto';
import type { Database } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import {
  Fault,
  isFault,
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
import { createClaiming } from './claiming.js';
import { createDeliveries } from './delivery.js';
import type { OnFinalityChange } from './finality/finality-news.js';
import { createFinalityWatch } from './finality/finality-watch.js';
import { createJoin, type Settlement } from './join.js';
import { createLastingWrites } from './lasting-writes.js';
import { createNetworkSettlement, type NetworkSettlement, type NetworkSettlementParts } from './network-settlement.js';
import { createPaymentSignal } from './payment-signal.js';
import { createPaymentStore, type PaymentStore } from './payment-store.js';
import { createQueueNews } from './queue-news.js';
import { createClaimLimit } from './claim-limit.js';
import { createSettle } from './settle.js';
import { createSettling, type Settled } from './settle-legs.js';
import type { SettlementEvents } from './settlement-events.js';
import type { SettlementLimits } from './settlement-limits.js';
import { createTending } from './tending.js';

export interface SettlementEngine {
  readonly store: PaymentStore;
  settle(payment: ProvenPayment, abort: AbortSignal): Promise<Settlement>;
  /** Opens the lanes and takes up what an earlier process left in flight. */
  start(): Promise<void>;
  /** What waits and what is in flight here, by network. */
  state(): readonly EngineState[];
  /** Ends submissions under way and stops following the chain; the rest is taken up at the next start. */
  stop(): Promise<void>;
}

/** What is under way here on one network. */
export type EngineState = ReturnType<NetworkSettlement['state']> & {
  readonly network: Network;
  /** Claims that wait for a signature. */
  readonly unsigned: number;
};

export interface SettlementEngineParts {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly chains: readonly Chain[];
  /** Examines what is stored of a payment again. */
  readonly examine: (payment: Payment) => Promise<Examination>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly waitMs: number;
  /** For each network. */
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
  const claimLimit = createClaimLimit(parts.queueMax);
  const networks = createNetworks({ ...parts, store, signal, settling });
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
    takesClaims: (network: Network) => networkOf(network).takesClaims(),
    submit: (network: Network, claimed: Parameters<NetworkSettlement['submit']>[0]) =>
      networkOf(network).submit(claimed),
    announceQueued: (network: Network, paymentId: string) => news.announce(network, paymentId),
  };
  const claiming = createClaiming({ ...parts, store, signal, submitter, writes, claimLimit });
  const settle = createSettle({ ...parts, store, claiming, join });
  const tending = createTending({ ...parts, store, networks: [...networks.values()], keepClaims: claiming.keep });

  return { store, settle, start, state, stop };

  function state(): readonly EngineState[] {
    return [...networks.values()].map((each) => {
      return { network: each.network, unsigned: claimLimit.taken(each.network), ...each.state() };
    });
  }

  async function start(): Promise<void> {
    await signal.start();
    await news.start();
    for (const network of networks.values()) {
      await tendAtStart(network, log);
      const unfinished = await network.follow();
      for (const { legs } of unfinished) await answers.openAnswers(legs.map(({ paymentId }) => paymentId));
      const { lanes } = network.state();
      log.info({ network: network.network, unfinished: unfinished.length, lanes }, 'settlement ready');
    }
    for (const watch of finality) watch.start();
    tending.start();
  }

  async function stop(): Promise<void> {
    await news.stop();
    await claiming.idle();
    await tending.stop();
    await Promise.all([...networks.values()].map((network) => network.stop()));
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

/** A node that fails now is asked again with every turn of the tending. */
async function tendAtStart({ network, tendLanes }: NetworkSettlement, log: Logger): Promise<void> {
  try {
    await tendLanes();
  } catch (error) {
    if (!isFault(error, 'CHAIN_RPC_UNAVAILABLE')) throw error;
    log.warn({ err: error, network }, 'lanes could not be opened at the start; it is tried again');
  }
}

function createNetworks(
  parts: Omit<NetworkSettlementParts, 'chain' | 'settle'> & {
    readonly chains: readonly Chain[];
    readonly settling: ReturnType<typeof createSettling>;
  },
): ReadonlyMap<Network, NetworkSettlement> {
  const { settling, events } = parts;
  return new Map(
    parts.chains.map((chain) => {
      const { network } = chain;
      const settle = async (settled: Settled): Promise<boolean> => {
        const isSettled = await settling.settle(settled);
        if (isSettled) events.onConcluded({ network, state: 'settled', payments: 1 });
        return isSettled;
      };
      return [network, createNetworkSettlement({ ...parts, chain, settle })];
    }),
  );
}
