import {
  createEndpointPool,
  type EndpointStatus,
  type FaultFacts,
  type Network,
  type PoolLimits,
  type RpcObserver,
} from '@tollkeeper/protocol';
import type { SvmCommitment } from '../limits.js';
import { clientOf, createJsonRpcClient, type JsonRpcClient } from './json-rpc-client.js';
import { createJsonRpcEndpoint, type JsonRpcEndpoint } from './json-rpc-endpoint.js';
import { readIdentity } from './read-identity.js';
import { createSolanaRpc } from './solana-rpc.js';

/** All the nodes of one cluster behind one client, and how each of them does. */
export interface JsonRpcPool {
  readonly client: JsonRpcClient;
  readonly statuses: () => readonly EndpointStatus[];
}

/** @throws RangeError when there is no address. */
export function createJsonRpcPool(parts: {
  readonly network: Network;
  readonly urls: readonly string[];
  readonly commitment: SvmCommitment;
  readonly limits: PoolLimits;
  readonly onRpcCall: RpcObserver;
  readonly onWarning: (message: string, facts: FaultFacts) => void;
}): JsonRpcPool {
  const { network, urls, commitment, limits, onRpcCall, onWarning } = parts;
  const [first, ...others] = urls.map((url, index) =>
    createJsonRpcEndpoint({ network, endpoint: index + 1, url, onRpcCall }),
  );
  if (first === undefined) throw new RangeError(`${network} needs at least one RPC address`);
  const rpcOf = (endpoint: JsonRpcEndpoint, timeoutMs: number) =>
    createSolanaRpc(clientOf({ network, endpoint, timeoutMs }), commitment);
  const pool = createEndpointPool({
    network,
    clients: [first, ...others],
    identify: (endpoint, timeoutMs) => readIdentity(network, rpcOf(endpoint, timeoutMs)),
    height: (endpoint, timeoutMs) => rpcOf(endpoint, timeoutMs).blockHeight(commitment),
    limits,
    onWarning,
  });
  return {
    client: createJsonRpcClient({
      network,
      ask: (question) => pool.run((endpoint, timeoutMs) => endpoint.ask(question, timeoutMs)),
      onOneEndpoint: (work) => pool.runOnOne((endpoint, timeoutMs) => work(clientOf({ network, endpoint, timeoutMs }))),
    }),
    statuses: pool.statuses,
  };
}
