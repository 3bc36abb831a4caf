import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { EndpointStatus, Network, RpcObserver } from '@tollkeeper/protocol';

const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The RPC endpoints of one network, as they are now. */
export interface MeasuredEndpoints {
  readonly network: Network;
  readonly endpoints: () => readonly EndpointStatus[];
}

/** What nodes are asked, and how they do. An endpoint is named by its place in the configuration: its address may hold a key. */
export function createRpcMetrics(registry: Registry) {
  const labelNames = ['network', 'endpoint', 'method', 'outcome'] as const;
  const registers = [registry];
  const calls = new Counter({
    name: 'tollkeeper_rpc_calls_total',
    help: 'JSON-RPC calls to nodes',
    labelNames,
    registers,
  });
  const times = new Histogram({
    name: 'tollkeeper_rpc_seconds',
    help: 'Time of JSON-RPC calls to nodes',
    labelNames,
    buckets: latencyBuckets,
    registers,
  });
  const countRpcCall: RpcObserver = ({ seconds, ...call }) => {
    calls.inc(call);
    times.observe(call, seconds);
  };
  return {
    countRpcCall,
    /** Registers the gauge of endpoints, which is read when Prometheus asks. */
    measureEndpoints: (networks: readonly MeasuredEndpoints[]) => {
      const self: Gauge<'network' | 'endpoint' | 'state'> = new Gauge({
        name: 'tollkeeper_rpc_endpoint',
        help: 'RPC endpoints by state: unchecked, serving, lagging, refusing, away or wrong_network',
        labelNames: ['network', 'endpoint', 'state'],
        registers,
        collect: () => {
          self.reset();
          for (const { network, endpoints } of networks) {
            for (const { endpoint, state } of endpoints()) self.set({ network, endpoint, state }, 1);
          }
        },
      });
    },
  };
}
