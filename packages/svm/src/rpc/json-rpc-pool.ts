import { connectEach, createEndpointPool, type EndpointStatus, type RpcPoolParts } from '@tollkeeper/protocol';
import type { SvmCommitment } from '../limits.js';
import { clientOf, createJsonRpcClient, type JsonRpcClient } from './json-rpc-client.js';
import { createJsonRpcEndpoint, type JsonRpcEndpoint } from './json-rpc-endpoint.js';
import { readIdentity } from './read-identity.js';
import { createSolanaRpc } from './solana-rpc.js';

/** All the nodes of one cluster behind one client, and how each of them does. */
export interface JsonRpcPool {
  readonly client: JsonRpcClient;
  readonly bindTo: (identity: string) => void;
  readonly statuses: () => readonly EndpointStatus[];
}

/** @throws RangeError when there is no address. */
export function createJsonRpcPool(parts: RpcPoolParts & { readonly commitment: SvmCommitment }): JsonRpcPool {
  const { network, commitment, onRpcCall } = parts;
  const rpcOf = (endpoint: JsonRpcEndpoint, timeoutMs: number) =>
    createSolanaRpc(clientOf({ network, endpoint, timeoutMs }), commitment);
  const pool = createEndpointPool({
    ...parts,
    clients: connectEach(parts, (url, endpoint) => createJsonRpcEndpoint({ network, endpoint, url, onRpcCall })),
    identify: (endpoint, timeoutMs) => readIdentity(network, rpcOf(endpoint, timeoutMs)),
    height: (endpoint, timeoutMs) => rpcOf(endpoint, timeoutMs).blockHeight(commitment),
  });
  return {
    client: createJsonRpcClient({
      network,
      ask: (question) => pool.run((endpoint, timeoutMs) => endpoint.ask(question, timeoutMs)),
      onOneEndpoint: (work) => pool.runOnOne((endpoint, timeoutMs) => work(clientOf({ network, endpoint, timeoutMs }))),
    }),
    bindTo: pool.bindTo,
    statuses: pool.statuses,
  };
}
