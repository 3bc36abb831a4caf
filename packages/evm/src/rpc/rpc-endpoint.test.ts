import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { baseSepolia, NoAnswerError, RefusingEndpointError, type RpcCall } from '@tollkeeper/protocol';
import { afterEach, expect, test } from 'vitest';
import type { RpcClient } from './rpc-client.js';
import { clientOf, createRpcEndpoint } from './rpc-endpoint.js';
import { RpcError } from './rpc-error.js';

type Answer = (request: { id: unknown; authorization: string | undefined }, response: ServerResponse) => void;

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A client of a server that answers as told; the address carries a key that must never be seen. */
async function clientOfServer(answer: Answer, timeoutMs = 20_000): Promise<{ rpc: RpcClient; calls: RpcCall[] }> {
  const server = createServer((request, response) => void respond(request, response));
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { id } = JSON.parse(Buffer.concat(chunks).toString()) as { id: unknown };
    answer({ id, authorization: request.headers.authorization }, response);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return client(`http://user:s3cret@127.0.0.1:${port}/v2/s3cret-key`, timeoutMs);
}

function client(url: string, timeoutMs = 20_000): { rpc: RpcClient; calls: RpcCall[] } {
  const calls: RpcCall[] = [];
  const onRpcCall = (call: RpcCall) => void calls.push(call);
  const endpoint = createRpcEndpoint({ network: baseSepolia, endpoint: 2, url, onRpcCall });
  return { rpc: clientOf(endpoint, timeoutMs), calls };
}

const json = (body: unknown, status = 200): Answer => {
  return ({ id }, response) => {
    response
      .writeHead(status)
      .end(JSON.stringify(typeof body === 'function' ? (body as (id: unknown) => unknown)(id) : body));
  };
};

test('a result comes back as it is, null included', async () => {
  const { rpc, calls } = await clientOfServer(json((id: unknown) => ({ jsonrpc: '2.0', id, result: null })));
  expect(await rpc.call('eth_getTransactionReceipt', ['0x'])).toBeNull();
  expect(calls).toEqual([
    {
      network: baseSepolia,
      endpoint: 2,
      method: 'eth_getTransactionReceipt',
      outcome: 'ok',
      seconds: expect.any(Number) as number,
    },
  ]);
});

test('calls one after another share a connection', async () => {
  const connections = new Set<unknown>();
  const { rpc } = await clientOfServer(({ id }, response) => {
    connections.add(response.socket);
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: null }));
  });
  for (let round = 0; round < 5; round += 1) await rpc.call('m', []);
  expect(connections.size).toBe(1);
});

test('credentials in the address travel as a header', async () => {
  const { rpc } = await clientOfServer(({ id, authorization }, response) => {
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: authorization }));
  });
  expect(await rpc.call('m', [])).toBe(`Basic ${Buffer.from('user:s3cret').toString('base64')}`);
});

test.each([200, 400])('a refusal of the node is an error of its own, with HTTP status %i', async (status) => {
  const error = { code: 3, message: 'execution reverted', data: '0x' };
  const { rpc, calls } = await clientOfServer(json((id: unknown) => ({ jsonrpc: '2.0', id, error }), status));
  const refusal = await rpc.call('eth_call', []).catch((caught: unknown) => caught);
  expect(refusal).toBeInstanceOf(RpcError);
  expect(refusal).toMatchObject(error);
  expect(calls[0]?.outcome).toBe('error');
});

test.each<[string, Answer, string]>([
  ['fails', json({}, 503), 'HTTP 503'],
  ['throttles', json({ error: { code: 429, message: 'slow down' } }, 429), 'HTTP 429'],
  ['does not know our key', json({ error: { code: -32002, message: 'invalid project id' } }, 401), 'HTTP 401'],
  ['answers with HTML', (_request, response) => void response.writeHead(403).end('<html>'), 'HTTP 403 without JSON'],
  ['answers another request', json({ jsonrpc: '2.0', id: 'another', result: '0x1' }), 'answer to another request'],
  ['answers with no result', json((id: unknown) => ({ jsonrpc: '2.0', id })), 'answer is not JSON-RPC'],
  ['answers with a list', json([]), 'answer is not JSON-RPC'],
  ['answers with too much', json((id: unknown) => ({ id, result: 'x'.repeat(9 * 1024 * 1024) })), 'answer too large'],
  [
    'redirects',
    (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
    'HTTP 302',
  ],
  ['hangs up', (_request, response) => void response.destroy(), 'ECONNRESET'],
  [
    'hangs up in the middle of its answer',
    (_request, response) => void response.write('{', () => response.destroy()),
    'ECONNRESET',
  ],
])('a node that %s is no answer, and hides the address', async (_name, answer, trouble) => {
  const { rpc, calls } = await clientOfServer(answer);
  await expectHiddenTrouble(rpc, trouble);
  expect(calls[0]?.outcome).toBe('unreachable');
});

test('an endpoint that serves nobody for now has refused, and hides the address', async () => {
  const error = {
    code: -32005,
    message: 'daily request count exceeded, see http://127.0.0.1/v2/s3cret-key: rate limited',
  };
  const { rpc, calls } = await clientOfServer(json((id: unknown) => ({ jsonrpc: '2.0', id, error })));
  const refusal = await rpc.call('eth_call', []).catch((caught: unknown) => caught);
  expect(refusal).toBeInstanceOf(RefusingEndpointError);
  expect(String(refusal)).toContain('daily request count exceeded, see (address) rate limited (code -32005)');
  expect(calls[0]?.outcome).toBe('error');
});

test('a refusal that names the address without a scheme is told without it', async () => {
  const message = 'execution reverted: Post 127.0.0.1/v2/s3cret-key: dial tcp, project s3cret-key of s3cret';
  const { rpc } = await clientOfServer(json((id: unknown) => ({ jsonrpc: '2.0', id, error: { code: 3, message } })));
  const refusal = await rpc.call('eth_call', []).catch((caught: unknown) => caught);
  expect(refusal).toMatchObject({
    message: 'execution reverted: Post (address)/v2/(address): dial tcp, project (address) of (address)',
  });
});

test('a node that is silent is a timeout', async () => {
  const { rpc, calls } = await clientOfServer(() => undefined, 50);
  await expectHiddenTrouble(rpc, 'timeout');
  expect(calls[0]?.outcome).toBe('timeout');
});

test('a node that stops in the middle of its answer is a timeout', async () => {
  const { rpc, calls } = await clientOfServer((_request, response) => void response.write('{'), 50);
  await expectHiddenTrouble(rpc, 'timeout');
  expect(calls[0]?.outcome).toBe('timeout');
});

test('a node that is not there is unreachable', async () => {
  const { rpc, calls } = await clientOfServer(() => undefined);
  for (const stop of stops.splice(0)) stop();
  await expectHiddenTrouble(rpc, 'ECONNREFUSED');
  expect(calls[0]?.outcome).toBe('unreachable');
});

test.each(['', 'localhost:8545', 'ftp://s3cret', 'not s3cret at all'])(
  '%j is no RPC address, and the error hides it',
  (url) => {
    expect(() => client(url)).toThrow(/^The RPC address of eip155:84532 is not an http or https address$/);
  },
);

async function expectHiddenTrouble(rpc: RpcClient, trouble: string): Promise<void> {
  const error = await rpc.call('eth_call', []).catch((caught: unknown) => caught);
  if (!(error instanceof NoAnswerError)) return expect.fail(String(error));
  expect(error.message).toBe(trouble);
  expect(error.cause).toBeUndefined();
  expect(`${error.stack ?? ''}${JSON.stringify(error)}`).not.toContain('s3cret');
}
