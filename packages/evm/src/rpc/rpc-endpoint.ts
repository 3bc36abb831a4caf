import {
  createAddressStriking,
  type Network,
  NoAnswerError,
  RefusingEndpointError,
  type RpcCall,
  type RpcObserver,
} from '@tollkeeper/protocol';
import { z } from 'zod';
import { createHttpPost } from './http-post.js';
import type { RpcClient } from './rpc-client.js';
import { isEndpointRefusal, RpcError, shortText } from './rpc-error.js';

/** One JSON-RPC endpoint of one EVM network. */
export interface RpcEndpoint {
  /**
   * Calls a method and gives its result, unread.
   * @throws RpcError when the node refuses the call.
   * @throws RefusingEndpointError when it serves nobody for now.
   * @throws NoAnswerError when it does not answer in time, or not with JSON-RPC.
   */
  call(call: RpcRequest): Promise<unknown>;
}

export interface RpcRequest {
  readonly method: string;
  readonly parameters: readonly unknown[];
  readonly timeoutMs: number;
}

/** A block full of transaction hashes stays well below this. */
const maximumAnswerBytes = 8 * 1024 * 1024;

const Answer = z.union([
  z.object({
    id: z.unknown(),
    error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }),
  }),
  z.object({ id: z.unknown(), result: z.unknown() }),
]);

/** @throws RangeError when `url` is not an http or https address; the message does not repeat it. */
export function createRpcEndpoint(parts: {
  readonly network: Network;
  /** Its place in the configuration, from 1. */
  readonly endpoint: number;
  readonly url: string;
  readonly onRpcCall: RpcObserver;
}): RpcEndpoint {
  const { network, endpoint } = parts;
  const post = createHttpPost({ ...readAddress(network, parts.url), maximumAnswerBytes });
  const strike = createAddressStriking(parts.url);
  let lastId = 0;

  return {
    async call({ method, parameters, timeoutMs }) {
      const id = ++lastId;
      const startedAt = performance.now();
      let outcome: RpcCall['outcome'] = 'ok';
      try {
        const body = JSON.stringify({ jsonrpc: '2.0', id, method, params: parameters });
        return resultOf(readJson(await post(body, timeoutMs)), { id, strike });
      } catch (error) {
        if (error instanceof NoAnswerError) outcome = error.outcome;
        if (!(error instanceof RpcError)) throw error;
        outcome = 'error';
        throw isEndpointRefusal(error, method) ? new RefusingEndpointError(shortText(error)) : error;
      } finally {
        parts.onRpcCall({ network, endpoint, method, outcome, seconds: (performance.now() - startedAt) / 1000 });
      }
    },
  };
}

/** The endpoint as a client that fails with it. */
export function clientOf(endpoint: RpcEndpoint, timeoutMs: number): RpcClient {
  const client: RpcClient = {
    call: (method, parameters) => endpoint.call({ method, parameters, timeoutMs }),
    onOneEndpoint: (work) => work(client),
  };
  return client;
}

/** Moves credentials out of the address and into a header. */
function readAddress(network: Network, text: string): { url: URL; headers: Readonly<Record<string, string>> } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new RangeError(`The RPC address of ${network} is not an http or https address`);
  }
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (url.username !== '' || url.password !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
    url.username = '';
    url.password = '';
  }
  return { url, headers };
}

function readJson({ status, text }: { readonly status: number; readonly text: string }): unknown {
  // 401: whatever is asked, the endpoint does not know us.
  if (status >= 500 || status === 429 || status === 401 || (status >= 300 && status < 400)) {
    throw new NoAnswerError('unreachable', `HTTP ${status}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new NoAnswerError('unreachable', `HTTP ${status} without JSON`);
  }
}

function resultOf(body: unknown, { id, strike }: { id: number; strike: (text: string) => string }): unknown {
  const answer = Answer.safeParse(body);
  if (!answer.success) throw new NoAnswerError('unreachable', 'answer is not JSON-RPC');
  // A node that could not read the request answers with id null; that is an answer to the only request sent.
  if ('error' in answer.data) {
    const { error } = answer.data;
    throw new RpcError({ ...error, message: strike(error.message) });
  }
  if (answer.data.id !== id) throw new NoAnswerError('unreachable', 'answer to another request');
  if (answer.data.result === undefined) throw new NoAnswerError('unreachable', 'answer is not JSON-RPC');
  return answer.data.result;
}
