import { Fault, type Network, type RpcCall, type RpcObserver } from '@tollkeeper/protocol';
import { z } from 'zod';
import { endpointOf, type Endpoint } from './endpoint.js';
import { parseLosslessJson } from './lossless-json.js';
import { describeTransportError } from './rpc-error.js';

/** Asks one Solana node. Every call is bounded in time, counted, and never repeated here: what to repeat is the caller's. */
export interface JsonRpcClient {
  /**
   * The node's answer, of the given shape.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer, refused, or answered something else.
   */
  request<Result>(method: string, params: readonly unknown[], shape: z.ZodType<Result>): Promise<Result>;
  /** As `request`, but the node's own refusal is a value, for methods where it says something about the transaction. */
  tryRequest<Result>(method: string, params: readonly unknown[], shape: z.ZodType<Result>): Promise<RpcAnswer<Result>>;
}

export type RpcAnswer<Result> =
  | { readonly refused: false; readonly result: Result }
  | { readonly refused: true; readonly code: number; readonly message: string };

/** Far above the longest answer, that of getTransaction. */
const longestAnswerBytes = 4 * 1024 * 1024;

const ErrorBody = z.object({ error: z.object({ code: z.number(), message: z.string() }) });
const ResultBody = z.object({ result: z.unknown() });

export function createJsonRpcClient(parts: {
  network: Network;
  url: string;
  timeoutMs: number;
  onRpcCall: RpcObserver;
}): JsonRpcClient {
  const { network, timeoutMs, onRpcCall } = parts;
  const endpoint = endpointOf(parts.url);

  async function tryRequest<Result>(method: string, params: readonly unknown[], shape: z.ZodType<Result>) {
    const startedAt = performance.now();
    const seen = (outcome: RpcCall['outcome']) => {
      onRpcCall({ network, method, outcome, seconds: (performance.now() - startedAt) / 1000 });
    };
    const unavailable = (detail: string) => new Fault('CHAIN_RPC_UNAVAILABLE', { network, method, detail });

    const reply = await post({ ...endpoint, timeoutMs }, { jsonrpc: '2.0', id: 1, method, params }).catch(
      (error: unknown) => {
        const { outcome, detail } = describeTransportError(error);
        seen(outcome);
        // The original error is not kept as a cause: it may show the node's address.
        throw unavailable(detail);
      },
    );
    const body = parseBody(reply.text);
    const refusal = ErrorBody.safeParse(body);
    if (refusal.success) {
      seen('error');
      return { refused: true, ...refusal.data.error } as const;
    }
    const result = shape.safeParse(ResultBody.safeParse(body).data?.result);
    seen(result.success ? 'ok' : 'error');
    if (!result.success) throw unavailable(`an answer of another shape, HTTP status ${reply.status}`);
    return { refused: false, result: result.data } as const;
  }

  return {
    tryRequest,
    async request(method, params, shape) {
      const answer = await tryRequest(method, params, shape);
      if (!answer.refused) return answer.result;
      throw new Fault('CHAIN_RPC_UNAVAILABLE', { network, method, detail: `refused with code ${answer.code}` });
    },
  };
}

async function post(
  to: Endpoint & { readonly timeoutMs: number },
  body: unknown,
): Promise<{ status: number; text: string }> {
  const response = await fetch(to.url, {
    method: 'POST',
    headers: { ...to.headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.timeout(to.timeoutMs),
  });
  return { status: response.status, text: await readBounded(response) };
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

function parseBody(text: string): unknown {
  try {
    return parseLosslessJson(text);
  } catch {
    return undefined;
  }
}
