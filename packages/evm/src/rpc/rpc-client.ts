import { Fault, type Network, type RpcCall, type RpcObserver } from '@tollkeeper/protocol';
import { z } from 'zod';
import { createHttpPost, type HttpPost } from './http-post.js';
import { NoAnswerError } from './no-answer-error.js';
import { RpcError } from './rpc-error.js';

/** One JSON-RPC endpoint of one EVM network. */
export interface RpcClient {
  /**
   * Calls a method and gives its result, unread.
   * @throws RpcError when the node refuses the call.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when it does not answer in time, or not with JSON-RPC.
   */
  call(method: string, parameters: readonly unknown[]): Promise<unknown>;
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
export function createRpcClient(parts: {
  network: Network;
  url: string;
  timeoutMs: number;
  onRpcCall: RpcObserver;
}): RpcClient {
  const { network, timeoutMs } = parts;
  const post = createHttpPost({ ...readEndpoint(network, parts.url), timeoutMs, maximumAnswerBytes });
  let lastId = 0;

  async function call(method: string, parameters: readonly unknown[]): Promise<unknown> {
    const id = ++lastId;
    const startedAt = performance.now();
    let outcome: RpcCall['outcome'] = 'ok';
    try {
      return resultOf(await exchange(post, { jsonrpc: '2.0', id, method, params: parameters }), id);
    } catch (error) {
      if (error instanceof RpcError) {
        outcome = 'error';
        throw error;
      }
      if (!(error instanceof NoAnswerError)) throw error;
      outcome = error.outcome;
      throw new Fault('CHAIN_RPC_UNAVAILABLE', { network, method, trouble: error.message });
    } finally {
      parts.onRpcCall({ network, method, outcome, seconds: (performance.now() - startedAt) / 1000 });
    }
  }

  return { call };
}

/** Moves credentials out of the address and into a header. */
function readEndpoint(network: Network, text: string): { url: URL; headers: Readonly<Record<string, string>> } {
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

async function exchange(post: HttpPost, body: unknown): Promise<unknown> {
  const { status, text } = await post(JSON.stringify(body));
  if (status >= 500 || status === 429 || (status >= 300 && status < 400)) {
    throw new NoAnswerError('unreachable', `HTTP ${status}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new NoAnswerError('unreachable', `HTTP ${status} without JSON`);
  }
}

function resultOf(body: unknown, id: number): unknown {
  const answer = Answer.safeParse(body);
  if (!answer.success) throw new NoAnswerError('unreachable', 'answer is not JSON-RPC');
  // A node that could not read the request answers with id null; that is an answer to the only request sent.
  if ('error' in answer.data) throw new RpcError(answer.data.error);
  if (answer.data.id !== id) throw new NoAnswerError('unreachable', 'answer to another request');
  if (answer.data.result === undefined) throw new NoAnswerError('unreachable', 'answer is not JSON-RPC');
  return answer.data.result;
}
