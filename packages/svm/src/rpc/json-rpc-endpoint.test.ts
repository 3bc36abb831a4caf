import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { isFault, NoAnswerError, solanaDevnet, type RpcCall } from '@tollkeeper/protocol';
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

describe('trouble shows no address', () => {
  test.each([
    ['a refusal', { body: '{"error":{"code":-32005,"message":"behind http://127.0.0.1/secret-api-key"}}' }, 'error'],
    ['another shape', { body: '{"result":"seven"}' }, 'error'],
    ['no JSON', { body: '<html>secret-api-key</html>' }, 'unreachable'],
    ['too many requests', { status: 429, body: '{"error":{"code":-32005,"message":"slow down"}}' }, 'unreachable'],
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
