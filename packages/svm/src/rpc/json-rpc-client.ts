import { Fault, type Network } from '@tollkeeper/protocol';
import type { z } from 'zod';
import type { JsonRpcEndpoint, RpcQuestion } from './json-rpc-endpoint.js';
import type { RpcAnswer } from './rpc-answer.js';

/** How a Solana cluster is asked, whichever of its nodes answers. */
export interface JsonRpcClient {
  /**
   * The answer, of the given shape.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when no node answered in time, or one refused or answered something else;
   * `CHAIN_WRONG_NETWORK` when all of them serve another cluster.
   */
  request<Result>(method: string, params: readonly unknown[], shape: z.ZodType<Result>): Promise<Result>;
  /** As `request`, but the node's own refusal is a value, for methods where it says something about the transaction. */
  tryRequest<Result>(method: string, params: readonly unknown[], shape: z.ZodType<Result>): Promise<RpcAnswer<Result>>;
  /** Does work whose calls all go to one node, and anew on the next one when that does not answer. It may only read. */
  readonly onOneEndpoint: <Result>(work: (client: JsonRpcClient) => Promise<Result>) => Promise<Result>;
}

/** A client over whatever gets questions answered. */
export function createJsonRpcClient(parts: {
  readonly network: Network;
  readonly ask: <Result>(question: RpcQuestion<Result>) => Promise<RpcAnswer<Result>>;
  readonly onOneEndpoint: JsonRpcClient['onOneEndpoint'];
}): JsonRpcClient {
  const { network, ask, onOneEndpoint } = parts;
  return {
    onOneEndpoint,
    tryRequest: (method, params, shape) => ask({ method, params, shape }),
    async request(method, params, shape) {
      const answer = await ask({ method, params, shape });
      if (!answer.refused) return answer.result;
      throw new Fault('CHAIN_RPC_UNAVAILABLE', { network, method, trouble: `refused with code ${answer.code}` });
    },
  };
}

/** One node as a client that fails with it. */
export function clientOf(parts: {
  readonly network: Network;
  readonly endpoint: JsonRpcEndpoint;
  readonly timeoutMs: number;
}): JsonRpcClient {
  const { network, endpoint, timeoutMs } = parts;
  const client: JsonRpcClient = createJsonRpcClient({
    network,
    ask: (question) => endpoint.ask(question, timeoutMs),
    onOneEndpoint: (work) => work(client),
  });
  return client;
}
