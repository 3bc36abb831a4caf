import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createRpcMetrics } from './rpc-metrics.js';
import { addEngineGauges, createSettlementMetrics, type EngineState } from './settlement-metrics.js';

const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type Metrics = ReturnType<typeof createMetrics>;

/** The answer to one verify or settle request, as it is counted. `outcome` is `ok` or the reason. */
export interface CountedAnswer {
  readonly operation: 'verify' | 'settle';
  readonly network: string;
  readonly scheme: string;
  readonly outcome: string;
  readonly seconds: number;
}

/** Everything that `/metrics` shows. Labels take values from closed lists only, so that no caller can add series. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const labels = ['network', 'scheme', 'outcome'] as const;
  const answers = {
    verify: counter(registry, {
      name: 'tollkeeper_verify_total',
      help: 'Verify requests answered',
      labelNames: labels,
    }),
    settle: counter(registry, {
      name: 'tollkeeper_settle_total',
      help: 'Settle requests answered',
      labelNames: labels,
    }),
  };
  const durations = {
    verify: histogram(registry, {
      name: 'tollkeeper_verify_seconds',
      help: 'Time to answer a verify request',
      labelNames: labels,
    }),
    settle: histogram(registry, {
      name: 'tollkeeper_settle_seconds',
      help: 'Time to answer a settle request',
      labelNames: labels,
    }),
  };
  const postings = counter(registry, {
    name: 'tollkeeper_ledger_postings_total',
    help: 'Journals posted',
    labelNames: ['scope'],
  });
  const finalityChanges = counter(registry, {
    name: 'tollkeeper_finality_changes_total',
    help: 'Settled payments that became final, and what reorgs did to those that were not',
    labelNames: ['network', 'change'],
  });

  return {
    registry,
    settlement: createSettlementMetrics(registry),
    /** Registers the gauges of what waits and what is in flight in this process. */
    measureEngine: (read: () => readonly EngineState[]) => {
      addEngineGauges(registry, read);
    },
    countAnswer: ({ operation, seconds, ...answer }: CountedAnswer) => {
      answers[operation].inc(answer);
      durations[operation].observe(answer, seconds);
    },
    ...createRpcMetrics(registry),
    countPosting: (scope: string) => {
      postings.inc({ scope });
    },
    countFinalityChange: ({ network, change, count }: FinalityChanges) => {
      finalityChanges.inc({ network, change }, count);
    },
    /** Registers the gauges of payments without an outcome, which are read from the database when Prometheus asks. */
    measureSettlements: (read: ReadCounts, readOverdue: () => Promise<readonly CountOnNetwork[]>) => {
      addOverdueGauge(registry, readOverdue);
      addStateGauge(registry, read, {
        name: 'tollkeeper_settlements_in_flight',
        help: 'Payments without an outcome, by state',
      });
    },
    /** The same for settled payments that are not final. */
    measureUnfinalEffects: (read: ReadCounts) => {
      addStateGauge(registry, read, {
        name: 'tollkeeper_effects_unfinal',
        help: 'Settled payments that are not final: confirmed, reversed by a reorg, or lost in one for good',
      });
    },
  };
}

function addStateGauge(registry: Registry, read: ReadCounts, family: { readonly name: string; readonly help: string }) {
  const self: Gauge<'network' | 'state'> = new Gauge({
    ...family,
    labelNames: ['network', 'state'],
    registers: [registry],
    collect: async () => {
      self.reset();
      // Without the database this one has no values; that is when all others are needed most.
      const counts = await read().catch(() => []);
      for (const { network, state, count } of counts) self.set({ network, state }, count);
    },
  });
}

function addOverdueGauge(registry: Registry, read: () => Promise<readonly CountOnNetwork[]>): void {
  const self: Gauge<'network'> = new Gauge({
    name: 'tollkeeper_settlements_overdue',
    help: 'Payments that were submitted long ago and have no outcome',
    labelNames: ['network'],
    registers: [registry],
    collect: async () => {
      self.reset();
      // Without the database this one has no values either.
      for (const { network, count } of await read().catch(() => [])) self.set({ network }, count);
    },
  });
}

type ReadCounts = () => Promise<readonly CountInState[]>;

interface CountOnNetwork {
  readonly network: string;
  readonly count: number;
}

/** How many there are in a state on a network. */
export interface CountInState extends CountOnNetwork {
  readonly state: string;
}

/** What happened to so many settled payments of a network after they were settled. */
export interface FinalityChanges {
  readonly network: string;
  readonly change: string;
  readonly count: number;
}

interface Family<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
}

function counter<Label extends string>(registry: Registry, family: Family<Label>) {
  return new Counter({ ...family, labelNames: [...family.labelNames], registers: [registry] });
}

function histogram<Label extends string>(registry: Registry, family: Family<Label>) {
  return new Histogram({
    ...family,
    labelNames: [...family.labelNames],
    buckets: latencyBuckets,
    registers: [registry],
  });
}
