import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { toJson } from './json.js';
import { rpcCodes, rpcErrorBody, type RpcErrorBody } from './rpc-failure.js';
import { readParams, type RpcParams } from './rpc-params.js';

/** Answers one call; what it throws through `rpcFailure` becomes the call's error. */
export type RpcMethod = (params: RpcParams) => unknown;

export interface RpcServerParts {
  readonly methods: ReadonlyMap<string, RpcMethod>;
  /** Larger request bodies are refused with 413. A node takes 50 KiB. */
  readonly maxBodyBytes: number;
}

/** Serves JSON-RPC over HTTP POST, and `GET /health` as a node does. */
export function createRpcServer(parts: RpcServerParts): Server {
  const server = createServer((request, response) => {
    if (request.method === 'GET' && request.url === '/health') {
      respond(response, { status: 200, body: 'ok', type: 'text/plain' });
      return;
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      respond(response, { status: 405, body: 'Only POST is allowed\n', type: 'text/plain' });
      return;
    }
    readBody(request, parts.maxBodyBytes, (body) => {
      if (body === undefined) respond(response, { status: 413, body: 'Payload too large\n', type: 'text/plain' });
      else respond(response, { status: 200, body: answerBody(body, parts.methods), type: 'application/json' });
    });
  });
  server.on('upgrade', (_request, socket) => {
    const text = 'This sandbox has no pubsub: poll getSignatureStatuses instead of signatureSubscribe\n';
    const head = `HTTP/1.1 501 Not Implemented\r\ncontent-length: ${String(text.length)}\r\nconnection: close\r\n\r\n`;
    socket.end(head + text);
  });
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  });
  return server;
}

function readBody(request: IncomingMessage, limit: number, done: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let finished = false;
  const finish = (body: Buffer | undefined): void => {
    if (finished) return;
    finished = true;
    done(body);
  };
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    // The rest is still read, and thrown away, so that the client hears the answer instead of a reset.
    if (size > limit) finish(undefined);
    else chunks.push(chunk);
  });
  request.on('end', () => {
    finish(Buffer.concat(chunks));
  });
  request.on('error', () => {
    finished = true;
  });
}

function respond(response: ServerResponse, answer: { status: number; body: string; type: string }): void {
  const { status, body, type } = answer;
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** Answers a request body: one call, a batch, or something that is neither. Notifications get an empty answer. */
export function answerBody(body: Buffer, methods: ReadonlyMap<string, RpcMethod>): string {
  let request: unknown;
  try {
    request = JSON.parse(body.toString('utf8'));
  } catch {
    return errorAnswer(null, { code: rpcCodes.parse, message: 'Parse error' });
  }
  if (!Array.isArray(request)) return answerCall(request, methods) ?? '';
  if (request.length === 0) return errorAnswer(null, invalidRequest);
  const answers = request.map((call) => answerCall(call, methods)).filter((answer) => answer !== undefined);
  return answers.length === 0 ? '' : `[${answers.join(',')}]`;
}

const invalidRequest: RpcErrorBody = { code: rpcCodes.invalidRequest, message: 'Invalid request' };

type CallId = string | number | null;

function answerCall(call: unknown, methods: ReadonlyMap<string, RpcMethod>): string | undefined {
  if (typeof call !== 'object' || call === null) return errorAnswer(null, invalidRequest);
  const { id, jsonrpc, method, params } = call as Record<string, unknown>;
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return errorAnswer(null, invalidRequest);
  }
  if (jsonrpc !== '2.0' || typeof method !== 'string') return errorAnswer(id ?? null, invalidRequest);
  const answer = runMethod(methods.get(method), params, id ?? null);
  return id === undefined ? undefined : answer;
}

function runMethod(method: RpcMethod | undefined, params: unknown, id: CallId): string {
  if (method === undefined) return errorAnswer(id, { code: rpcCodes.methodNotFound, message: 'Method not found' });
  try {
    return `{"jsonrpc":"2.0","result":${toJson(method(readParams(params)))},"id":${toJson(id)}}`;
  } catch (error) {
    return errorAnswer(id, rpcErrorBody(error) ?? { code: rpcCodes.internal, message: 'Internal error' });
  }
}

function errorAnswer(id: CallId, error: RpcErrorBody): string {
  return `{"jsonrpc":"2.0","error":${toJson(error)},"id":${toJson(id)}}`;
}
