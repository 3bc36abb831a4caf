import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { isFault, NoAnswerError, RefusingEndpointError, solanaDevnet, type RpcCall } from '@tollkeeper/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { clientOf, type JsonRpcClient } from './json-rpc-client.js';
import { createJsonRpcEndpoint } from './json-rpc-endpoint.js';
import { parseLosslessJson } from './lossless-json.js';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const calls: RpcCall[] = [];

/** A node that answers everything in one way, or not at all. */
async function clientOfServer(
  answer: { status?: number; body?: string; location?: string } | 'silence',
): Promise<JsonRpcClient> {
  calls.length = 0;
  server = createServer((_request, response) => {
    if (answer === 'silence') return;
    if (answer.location !== undefined) response.setHeader('location', answer.location);
    response.writeHead(answer.status ?? 200).end(answer.body ?? '');
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/secret-api-key`;
  const endpoint = createJsonRpcEndpoint({
    network: solanaDevnet,
    endpoint: 1,
    url,
    onRpcCall: (call) => calls.push(call),
  });
  return clientOf({ network: solanaDevnet, endpoint, timeoutMs: answer === 'silence' ? 100 : 10_000 });
}

const ask = (client: JsonRpcClient) => client.request('getSlot', [], z.number());

describe('an answer', () => {
  test('is given in the shape that was asked for, and counted', async () => {
    expect(await ask(await clientOfServer({ body: '{"jsonrpc":"2.0","id":1,"result":7}' }))).toBe(7);
    expect(calls).toMatchObject([{ network: solanaDevnet, method: 'getSlot', outcome: 'ok' }]);
    expect(calls[0]?.seconds).toBeLessThan(5);
  });

  test('that is a refusal is a value where the caller wants it', async () => {
    const client = await clientOfServer({ body: '{"id":1,"error":{"code":-32002,"message":"no"}}' });
    expect(await client.tryRequest('sendTransaction', [], z.string())).toEqual({
      refused: true,
      code: -32002,
      message: 'no',
    });
    expect(calls).toMatchObject([{ outcome: 'error' }]);
  });
});

test.each([
  { code: -32005, message: 'Node is behind by 200 slots, see http://127.0.0.1/secret-api-key' },
  { code: -32005, message: 'Node is unhealthy' },
  { code: 429, message: 'Too many requests for a specific RPC call' },
  { code: -32007, message: '50/second request limit reached - reduce calls per second' },
  { code: -32429, message: 'rate limited' },
])('an endpoint that says $code, $message serves nobody for now', async (error) => {
  const client = await clientOfServer({ body: JSON.stringify({ error }) });
  const refusal: unknown = await client.tryRequest('getBlock', [], z.string()).catch((caught: unknown) => caught);
  expect(refusal).toBeInstanceOf(RefusingEndpointError);
  expect(String(refusal)).toContain(`refused with code ${error.code}`);
  expect(inspect(refusal, { depth: 10 })).not.toContain('secret-api-key');
  expect(calls).toMatchObject([{ outcome: 'error' }]);
});

test.each([
  { code: -32002, message: 'Transaction simulation failed: Blockhash not found' },
  { code: -32003, message: 'Transaction signature verification failure' },
  { code: -32004, message: 'Block not available for slot 5' },
  { code: -32007, message: 'Slot 5 was skipped, or missing due to ledger jump to recent snapshot' },
  { code: -32014, message: 'Block status not yet available for slot 5' },
  { code: -32602, message: 'invalid transaction: Transaction failed to sanitize accounts offsets correctly' },
])('an endpoint that says $code, $message has answered', async (error) => {
  const client = await clientOfServer({ body: JSON.stringify({ error }) });
  expect(await client.tryRequest('getBlock', [], z.string())).toEqual({ refused: true, ...error });
});

describe('trouble shows no address', () => {
  test.each([
    ['a refusal', { body: '{"error":{"code":-32004,"message":"no block http://127.0.0.1/secret-api-key"}}' }, 'error'],
    ['another shape', { body: '{"result":"seven"}' }, 'error'],
    ['no JSON', { body: '<html>secret-api-key</html>' }, 'unreachable'],
    ['too many requests', { status: 429, body: '{"error":{"code":-32005,"message":"slow down"}}' }, 'unreachable'],
    [
      'a key that is not known',
      { status: 401, body: '{"error":{"code":-32002,"message":"secret-api-key"}}' },
      'unreachable',
    ],
    ['a server error', { status: 502 }, 'unreachable'],
    ['an endless answer', { body: `"${'x'.repeat(5_000_000)}"` }, 'unreachable'],
    ['a redirect', { status: 307, location: 'http://127.0.0.1/' }, 'unreachable'],
    ['silence', 'silence' as const, 'timeout'],
  ])('%s', async (_, answer, outcome) => {
    const client = await clientOfServer(answer);
    const error: unknown = await ask(client).catch((caught: unknown) => caught);
    if (outcome === 'error') expect(isFault(error, 'CHAIN_RPC_UNAVAILABLE')).toBe(true);
    else expect(error).toBeInstanceOf(NoAnswerError);
    expect(inspect(error, { depth: 10 })).not.toContain('secret-api-key');
    expect(calls).toMatchObject([{ outcome }]);
  });
});

test('a refusal that names the address without a scheme is told without it', async () => {
  const client = await clientOfServer({ body: '{"error":{"code":-32004,"message":"Post 127.0.0.1/secret-api-key"}}' });
  const refusal = { refused: true, code: -32004, message: 'Post (address)/(address)' };
  expect(await client.tryRequest('getBlock', [], z.string())).toEqual(refusal);
});

test('long integers are not rounded, and strings are left alone', () => {
  const text =
    '{"a":18446744073709551615,"b":[9007199254740993,-1234567890123456789],"c":"x: 18446744073709551615","d":1.5e20,"e":12,"f":"\\\\\\"1234567890123456789"}';
  expect(parseLosslessJson(text)).toEqual({
    a: '18446744073709551615',
    b: ['9007199254740993', '-1234567890123456789'],
    c: 'x: 18446744073709551615',
    d: 1.5e20,
    e: 12,
    f: '\\"1234567890123456789',
  });
});
