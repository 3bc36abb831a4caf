import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { SettlementEvents } from '../settlement/settlement-events.js';

/** How many payments a transaction carries: one alone, up to what a chain allows. */
const companyBuckets = [1, 2, 5, 10, 20, 50, 100, 200];

/** Counts what the settlement engine does. */
export function createSettlementMetrics(registry: Registry): SettlementEvents {
  const registers = [registry];
  const company = new Histogram({
    name: 'tollkeeper_transaction_payments',
    help: 'Payments carried by each transaction, those that bid for the place of another left out',
    labelNames: ['network'],
    buckets: companyBuckets,
    registers,
  });
  const transactions = new Counter({
    name: 'tollkeeper_transactions_total',
    help: 'Transactions by how they ended: included, expired, or replaced in their place',
    labelNames: ['network', 'state'],
    registers,
  });
  const concluded = new Counter({
    name: 'tollkeeper_payments_concluded_total',
    help: 'Payments by how they ended; one that failed and was carried out by somebody else after all counts in both',
    labelNames: ['network', 'state'],
    registers,
  });
  const retries = new Counter({
    name: 'tollkeeper_payment_retries_total',
    help: 'Payments that were sent again, each alone, because their transaction did not carry them out',
    labelNames: ['network'],
    registers,
  });
  const resends = new Counter({
    name: 'tollkeeper_transactions_resent_total',
    help: 'How often signed bytes were sent again because the chain did not show them',
    labelNames: ['network'],
    registers,
  });
  const places = new Counter({
    name: 'tollkeeper_lane_events_total',
    help: "What was done to keep the signers' account nonces moving",
    labelNames: ['network', 'event'],
    registers,
  });
  const balances = new Gauge({
    name: 'tollkeeper_signer_balance',
    help: 'Native coin of each signer, in whole coins',
    labelNames: ['network', 'signer'],
    registers,
  });
  return {
    onBatch: ({ network, payments }) => {
      company.observe({ network }, payments);
    },
    onTransaction: ({ network, state }) => {
      transactions.inc({ network, state });
    },
    onConcluded: ({ network, state, payments }) => {
      concluded.inc({ network, state }, payments);
    },
    onRetry: ({ network, payments }) => {
      retries.inc({ network }, payments);
    },
    onResend: ({ network }) => {
      resends.inc({ network });
    },
    onPlace: ({ network, event }) => {
      places.inc({ network, event });
    },
    onBalance: ({ network, signer, balance }) => {
      // A gauge is a floating point number; what it shows is for the eye and for alarms, never for money.
      balances.set({ network, signer }, wholeCoins(network, balance));
    },
  };
}

/** What one process has at hand on one network. */
export interface EngineState {
  readonly network: string;
  /** Claims that wait for a signature. */
  readonly unsigned: number;
  /** Verified payments that wait for a lane. */
  readonly waiting: number;
  /** Transactions without an outcome. */
  readonly followed: number;
  readonly lanes: number;
  /** Signers that are short of native coin. */
  readonly poor: number;
}

export function addEngineGauges(registry: Registry, read: () => readonly EngineState[]): void {
  const gauges = {
    unsigned: {
      name: 'tollkeeper_unsigned_payments',
      help: 'Claims of this process that wait for a signature; SETTLE_QUEUE_MAX limits them',
    },
    waiting: { name: 'tollkeeper_queue_payments', help: 'Verified payments that wait for a lane of this process' },
    followed: {
      name: 'tollkeeper_transactions_followed',
      help: 'Transactions without an outcome that this process follows',
    },
    lanes: { name: 'tollkeeper_lanes_held', help: 'Signer accounts that this process signs with now' },
    poor: { name: 'tollkeeper_signers_short_of_funds', help: 'Signers that left rotation for lack of native coin' },
  } as const;
  for (const part of ['unsigned', 'waiting', 'followed', 'lanes', 'poor'] as const) {
    const self: Gauge<'network'> = new Gauge({
      ...gauges[part],
      labelNames: ['network'],
      registers: [registry],
      collect: () => {
        for (const state of read()) self.set({ network: state.network }, state[part]);
      },
    });
  }
}

function wholeCoins(network: string, minorUnits: bigint): number {
  const nano = network.startsWith('eip155:') ? minorUnits / 1_000_000_000n : minorUnits;
  return Number(nano) / 1e9;
}
