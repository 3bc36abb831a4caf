import { connectEach, createEndpointPool, type EndpointStatus, type RpcPoolParts } from '@tollkeeper/protocol';
import { createEvmNode } from './evm-node.js';
import { readIdentity } from './read-identity.js';
import type { RpcClient } from './rpc-client.js';
import { clientOf, createRpcEndpoint, type RpcEndpoint } from './rpc-endpoint.js';

/** All the endpoints of one network behind one client, and how each of them does. */
export interface RpcPool {
  readonly rpc: RpcClient;
  readonly bindTo: (identity: string) => void;
  readonly statuses: () => readonly EndpointStatus[];
}

/** @throws RangeError when there is no address, or one is not http or https; the message does not repeat it. */
export function createRpcPool(parts: RpcPoolParts): RpcPool {
  const { network, onRpcCall } = parts;
  const nodeOf = (endpoint: RpcEndpoint, timeoutMs: number) =>
    createEvmNode({ network, rpc: clientOf(endpoint, timeoutMs) });
  const pool = createEndpointPool({
    ...parts,
    clients: connectEach(parts, (url, endpoint) => createRpcEndpoint({ network, endpoint, url, onRpcCall })),
    identify: (endpoint, timeoutMs) => readIdentity({ network, node: nodeOf(endpoint, timeoutMs) }),
    height: (endpoint, timeoutMs) => nodeOf(endpoint, timeoutMs).blockNumber(),
  });
  return {
    rpc: {
      call: (method, parameters) => pool.run((endpoint, timeoutMs) => endpoint.call({ method, parameters, timeoutMs })),
      onOneEndpoint: (work) => pool.runOnOne((endpoint, timeoutMs) => work(clientOf(endpoint, timeoutMs))),
    },
    bindTo: pool.bindTo,
    statuses: pool.statuses,
  };
}
