import {
  createAddressStriking,
  Fault,
  type Network,
  NoAnswerError,
  RefusingEndpointError,
  type RpcCall,
  type RpcObserver,
} from '@tollkeeper/protocol';
import { z } from 'zod';
import { endpointOf, type Endpoint } from './endpoint.js';
import type { RpcAnswer } from './rpc-answer.js';
import { parseLosslessJson } from './lossless-json.js';
import { describeTransportError, isEndpointRefusal } from './rpc-error.js';

/** One Solana node. Every call is bounded in time and counted. */
export interface JsonRpcEndpoint {
  /**
   * The node's answer, of the given shape, or its refusal.
   * @throws NoAnswerError when the node did not answer in time, or not with JSON-RPC, or serves nobody for now.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the answer is of another shape.
   */
  ask<Result>(question: RpcQuestion<Result>, timeoutMs: number): Promise<RpcAnswer<Result>>;
}

export interface RpcQuestion<Result> {
  readonly method: string;
  readonly params: readonly unknown[];
  readonly shape: z.ZodType<Result>;
}

/** Far above the longest answer, that of getTransaction. */
const longestAnswerBytes = 4 * 1024 * 1024;

const ErrorBody = z.object({ error: z.object({ code: z.number(), message: z.string() }) });
const ResultBody = z.object({ result: z.unknown() });

export function createJsonRpcEndpoint(parts: {
  readonly network: Network;
  /** Its place in the configuration, from 1. */
  readonly endpoint: number;
  readonly url: string;
  readonly onRpcCall: RpcObserver;
}): JsonRpcEndpoint {
  const { network, endpoint, onRpcCall } = parts;
  const address = endpointOf(parts.url);
  const strike = createAddressStriking(parts.url);

  return {
    async ask({ method, params, shape }, timeoutMs) {
      const startedAt = performance.now();
      const seen = (outcome: RpcCall['outcome']) => {
        onRpcCall({ network, endpoint, method, outcome, seconds: (performance.now() - startedAt) / 1000 });
      };
      try {
        const body = readBody(await post({ ...address, timeoutMs }, { jsonrpc: '2.0', id: 1, method, params }));
        const refusal = ErrorBody.safeParse(body);
        if (refusal.success) {
          const { error } = refusal.data;
          if (isEndpointRefusal(error)) throw new RefusingEndpointError(`refused with code ${error.code}`);
          seen('error');
          return { refused: true, code: error.code, message: strike(error.message) };
        }
        const result = shape.safeParse(ResultBody.safeParse(body).data?.result);
        seen(result.success ? 'ok' : 'error');
        if (result.success) return { refused: false, result: result.data };
      } catch (error) {
        if (error instanceof NoAnswerError) seen(error.outcome);
        throw error;
      }
      throw new Fault('CHAIN_RPC_UNAVAILABLE', { network, method, trouble: 'an answer of another shape' });
    },
  };
}

interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

async function post(to: Endpoint & { readonly timeoutMs: number }, body: unknown): Promise<HttpAnswer> {
  try {
    const response = await fetch(to.url, {
      method: 'POST',
      headers: { ...to.headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(Math.ceil(to.timeoutMs)),
    });
    return { status: response.status, text: await readBounded(response) };
  } catch (error) {
    // The original error is not kept as a cause: it may show the node's address.
    const { outcome, detail } = describeTransportError(error);
    throw new NoAnswerError(outcome, detail);
  }
}

/** The body, or nothing readable where it is longer than any answer to our questions. */
async function readBounded(response: Response): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > longestAnswerBytes) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readBody({ status, text }: HttpAnswer): unknown {
  // 401: whatever is asked, the endpoint does not know us.
  if (status >= 500 || status === 429 || status === 401) throw new NoAnswerError('unreachable', `HTTP ${status}`);
  try {
    return parseLosslessJson(text);
  } catch {
    throw new NoAnswerError('unreachable', `HTTP ${status} without JSON`);
  }
}
