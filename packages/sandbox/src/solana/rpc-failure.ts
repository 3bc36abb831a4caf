/** The error codes of JSON-RPC 2.0 and of Solana's nodes. */
export const rpcCodes = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  preflight: -32002,
  signatureVerification: -32003,
  blockNotAvailable: -32004,
  signatureLength: -32013,
  unsupportedVersion: -32015,
  minContextSlot: -32016,
} as const;

export interface RpcErrorBody {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

const bodies = new WeakMap<object, RpcErrorBody>();

/** Makes an error that the server answers as this JSON-RPC error. */
export function rpcFailure(kind: keyof typeof rpcCodes, message: string, data?: unknown): Error {
  const failure = new Error(message);
  bodies.set(failure, { code: rpcCodes[kind], message, ...(data === undefined ? {} : { data }) });
  return failure;
}

/** The JSON-RPC error that a caught error stands for; undefined when it is a fault of our own. */
export function rpcErrorBody(error: unknown): RpcErrorBody | undefined {
  return typeof error === 'object' && error !== null ? bodies.get(error) : undefined;
}
