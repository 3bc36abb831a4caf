import { Fault, type Network, type RpcCall, type RpcObserver } from '@tollkeeper/protocol';
import { z } from 'zod';
import { readBounded } from './read-bounded.js';
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

type Outcome = RpcCall['outcome'];

/** A call that ended without an answer of the node, with the word that describes it in metrics and facts. */
class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  readonly outcome: Outcome;

  constructor(outcome: Outcome, trouble: string) {
    super(trouble);
    this.outcome = outcome;
  }
}

/** @throws RangeError when `url` is not an http or https address; the message does not repeat it. */
export function createRpcClient(parts: {
  network: Network;
  url: string;
  timeoutMs: number;
  onRpcCall: RpcObserver;
}): RpcClient {
  const { network, timeoutMs } = parts;
  const endpoint = readEndpoint(network, parts.url);
  let lastId = 0;

  async function call(method: string, parameters: readonly unknown[]): Promise<unknown> {
    const id = ++lastId;
    const startedAt = performance.now();
    let outcome: Outcome = 'ok';
    try {
      const body = await post(endpoint, { body: { jsonrpc: '2.0', id, method, params: parameters }, timeoutMs });
      return resultOf(body, id);
    } catch (error) {
      if (error instanceof RpcError) {
        outcome = 'error';
        throw error;
      }
      const noAnswer = asNoAnswer(error);
      outcome = noAnswer.outcome;
      // The original error may repeat the endpoint's address, which may hold a key; only its code travels on.
      throw new Fault('CHAIN_RPC_UNAVAILABLE', { network, method, trouble: noAnswer.message });
    } finally {
      parts.onRpcCall({ network, method, outcome, seconds: (performance.now() - startedAt) / 1000 });
    }
  }

  return { call };
}

interface Endpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Moves credentials out of the address, because fetch refuses them there. */
function readEndpoint(network: Network, text: string): Endpoint {
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
  return { url: url.href, headers };
}

async function post(endpoint: Endpoint, request: { body: unknown; timeoutMs: number }): Promise<unknown> {
  const response = await fetch(endpoint.url, {
    method: 'POST',
    headers: endpoint.headers,
    body: JSON.stringify(request.body),
    redirect: 'error',
    signal: AbortSignal.timeout(request.timeoutMs),
  });
  if (response.status >= 500 || response.status === 429) {
    await response.body?.cancel();
    throw new NoAnswerError('unreachable', `HTTP ${response.status}`);
  }
  const text = await readBounded(response, maximumAnswerBytes);
  if (text === undefined) throw new NoAnswerError('unreachable', 'answer too large');
  try {
    return JSON.parse(text);
  } catch {
    throw new NoAnswerError('unreachable', `HTTP ${response.status} without JSON`);
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

function asNoAnswer(error: unknown): NoAnswerError {
  if (error instanceof NoAnswerError) return error;
  if (error instanceof DOMException && error.name === 'TimeoutError') return new NoAnswerError('timeout', 'timeout');
  return new NoAnswerError('unreachable', systemCode(error) ?? 'unreachable');
}

/** The operating system's code, such as ECONNREFUSED, which fetch hides one level down. */
function systemCode(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
