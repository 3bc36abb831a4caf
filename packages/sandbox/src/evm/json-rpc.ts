/** Calls one JSON-RPC method and answers its result. */
export type RpcCall = (method: string, params?: readonly unknown[]) => Promise<unknown>;

interface RpcAnswer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** The node answered, with an error. `code` and `data` are the node's own. */
export class RpcAnswerError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(method: string, error: { readonly code: number; readonly message: string; readonly data?: unknown }) {
    super(`${method}: ${error.message}`);
    this.name = 'RpcAnswerError';
    this.code = error.code;
    this.data = error.data;
  }
}

/** A caller for one JSON-RPC endpoint over HTTP. It never retries. */
export function createRpcCall(url: string, options: { readonly timeoutMs?: number } = {}): RpcCall {
  let id = 0;
  return async (method, params = []) => {
    id += 1;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
      signal: AbortSignal.timeout(options.timeoutMs ?? 30_000),
    });
    const answer = (await response.json()) as RpcAnswer;
    if (answer.error !== undefined) throw new RpcAnswerError(method, answer.error);
    return answer.result;
  };
}
