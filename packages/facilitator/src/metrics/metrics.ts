import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RpcCall } from '@tollkeeper/protocol';

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
    verify: counter(registry, 'tollkeeper_verify_total', 'Verify requests answered', labels),
    settle: counter(registry, 'tollkeeper_settle_total', 'Settle requests answered', labels),
  };
  const durations = {
    verify: histogram(registry, 'tollkeeper_verify_seconds', 'Time to answer a verify request', labels),
    settle: histogram(registry, 'tollkeeper_settle_seconds', 'Time to answer a settle request', labels),
  };
  const rpcLabels = ['network', 'method', 'outcome'] as const;
  const rpcCalls = counter(registry, 'tollkeeper_rpc_calls_total', 'JSON-RPC calls to nodes', rpcLabels);
  const rpcSeconds = histogram(registry, 'tollkeeper_rpc_seconds', 'Time of JSON-RPC calls to nodes', rpcLabels);
  const postings = counter(registry, 'tollkeeper_ledger_postings_total', 'Journals posted', ['scope']);

  return {
    registry,
    countAnswer({ operation, seconds, ...answer }: CountedAnswer) {
      answers[operation].inc(answer);
      durations[operation].observe(answer, seconds);
    },
    countRpcCall({ network, method, outcome, seconds }: RpcCall) {
      rpcCalls.inc({ network, method, outcome });
      rpcSeconds.observe({ network, method, outcome }, seconds);
    },
    countPosting(scope: string) {
      postings.inc({ scope });
    },
    /** Registers the gauge of payments without an outcome, which is read from the database when Prometheus asks. */
    measureSettlements(read: () => Promise<readonly SettlementsInState[]>) {
      gauge(registry, 'tollkeeper_settlements_in_flight', 'Payments without an outcome, by state', async (self) => {
        for (const { network, state, count } of await read()) self.set({ network, state }, count);
      });
    },
  };
}

/** How many payments of a network are in a state that is not final. */
export interface SettlementsInState {
  readonly network: string;
  readonly state: string;
  readonly count: number;
}

function counter<Label extends string>(registry: Registry, name: string, help: string, labelNames: readonly Label[]) {
  return new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
}

function histogram<Label extends string>(registry: Registry, name: string, help: string, labelNames: readonly Label[]) {
  return new Histogram({ name, help, labelNames: [...labelNames], buckets: latencyBuckets, registers: [registry] });
}

function gauge(
  registry: Registry,
  name: string,
  help: string,
  collect: (self: Gauge<'network' | 'state'>) => Promise<void>,
) {
  const self: Gauge<'network' | 'state'> = new Gauge({
    name,
    help,
    labelNames: ['network', 'state'],
    registers: [registry],
    collect: () => collect(self),
  });
}
