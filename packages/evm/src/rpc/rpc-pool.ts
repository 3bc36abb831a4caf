import {
  createEndpointPool,
  type EndpointStatus,
  type FaultFacts,
  type Network,
  type PoolLimits,
  type RpcObserver,
} from '@tollkeeper/protocol';
import { createEvmNode } from './evm-node.js';
import { readIdentity } from './read-identity.js';
import type { RpcClient } from './rpc-client.js';
import { clientOf, createRpcEndpoint, type RpcEndpoint } from './rpc-endpoint.js';

/** All the endpoints of one network behind one client, and how each of them does. */
export interface RpcPool {
  readonly rpc: RpcClient;
  readonly statuses: () => readonly EndpointStatus[];
}

/** @throws RangeError when there is no address, or one is not http or https; the message does not repeat it. */
export function createRpcPool(parts: {
  readonly network: Network;
  readonly urls: readonly string[];
  readonly limits: PoolLimits;
  readonly onRpcCall: RpcObserver;
  readonly onWarning: (message: string, facts: FaultFacts) => void;
}): RpcPool {
  const { network, urls, limits, onRpcCall, onWarning } = parts;
  const [first, ...others] = urls.map((url, index) =>
    createRpcEndpoint({ network, endpoint: index + 1, url, onRpcCall }),
  );
  if (first === undefined) throw new RangeError(`${network} needs at least one RPC address`);
  const nodeOf = (endpoint: RpcEndpoint, timeoutMs: number) =>
    createEvmNode({ network, rpc: clientOf(endpoint, timeoutMs) });
  const pool = createEndpointPool({
    network,
    clients: [first, ...others],
    identify: (endpoint, timeoutMs) => readIdentity({ network, node: nodeOf(endpoint, timeoutMs) }),
    height: (endpoint, timeoutMs) => nodeOf(endpoint, timeoutMs).blockNumber(),
    limits,
    onWarning,
  });
  return {
    rpc: {
      call: (method, parameters) => pool.run((endpoint, timeoutMs) => endpoint.call({ method, parameters, timeoutMs })),
      onOneEndpoint: (work) => pool.runOnOne((endpoint, timeoutMs) => work(clientOf(endpoint, timeoutMs))),
    },
    statuses: pool.statuses,
  };
}
