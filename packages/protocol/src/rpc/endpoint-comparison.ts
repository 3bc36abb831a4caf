import type { FaultFacts } from '../faults.js';
import type { Network } from '../network.js';
import type { PoolLimits } from './pool-limits.js';
import type { EndpointWork, PooledEndpoint } from './pooled-endpoint.js';

/**
 * Compares the endpoints of a pool when that is due: brings back who is well again, and finds who is behind. Traffic drives it,
 * so that a pool nobody uses asks nothing and keeps no process alive.
 */
export function createEndpointComparison<Client>(parts: {
  readonly network: Network;
  readonly endpoints: readonly PooledEndpoint<Client>[];
  readonly height: EndpointWork<Client, bigint>;
  readonly limits: PoolLimits;
  readonly nowMs: () => number;
  readonly onNews: (message: string, facts: FaultFacts) => void;
}): (inUse: PooledEndpoint<Client>) => void {
  const { network, endpoints, limits, nowMs } = parts;
  let startedAtMs = -Infinity;
  let isRunning = false;

  return (inUse) => {
    if (endpoints.length < 2 || isRunning || nowMs() - startedAtMs < limits.compareEveryMs) return;
    startedAtMs = nowMs();
    isRunning = true;
    void compare(inUse).finally(() => (isRunning = false));
  };

  async function compare(inUse: PooledEndpoint<Client>): Promise<void> {
    // The endpoint in use names the chain, lest a wrong one does that answers faster.
    await inUse.requireRecognised(limits.timeoutMs).catch(() => undefined);
    const heights = await Promise.all(endpoints.map(heightOf));
    const highest = heights.reduce<bigint>(
      (most, height) => (height !== undefined && height > most ? height : most),
      0n,
    );
    for (const [index, { health, number }] of endpoints.entries()) {
      const height = heights[index];
      if (height === undefined) continue;
      const blocks = highest - height;
      if (!health.isBehind(blocks > BigInt(limits.maximumLagBlocks))) continue;
      const message =
        health.state() === 'lagging' ? 'An RPC endpoint lags behind the others' : 'An RPC endpoint caught up';
      parts.onNews(message, { network, endpoint: number, blocks });
    }
  }

  /** Undefined where there is nothing to compare; why was noted where it happened. */
  async function heightOf(endpoint: PooledEndpoint<Client>): Promise<bigint | undefined> {
    if (endpoint.health.isCoolingDown()) return undefined;
    return endpoint.attempt(parts.height, limits.timeoutMs).catch(() => undefined);
  }
}
