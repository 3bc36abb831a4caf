import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { solanaDevnet } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { endpointOf } from './endpoint.js';
import { clientOf } from './json-rpc-client.js';
import { createJsonRpcEndpoint } from './json-rpc-endpoint.js';

test('credentials in the address of a node reach it as a header', async () => {
  const seen: (string | undefined)[] = [];
  const node = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: 7 }));
  });
  await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = node.address() as AddressInfo;
    const url = `http://us%40er:pass%3A@127.0.0.1:${port}/`;
    const endpoint = createJsonRpcEndpoint({ network: solanaDevnet, endpoint: 1, url, onRpcCall: () => undefined });
    const client = clientOf({ network: solanaDevnet, endpoint, timeoutMs: 20_000 });
    expect(await client.request('getSlot', [], z.number())).toBe(7);
  } finally {
    node.closeAllConnections();
    node.close();
  }
  expect(seen).toEqual([`Basic ${Buffer.from('us@er:pass:').toString('base64')}`]);
});

test('an address without credentials is left as it is', () => {
  expect(endpointOf('https://node.example/?api-key=abc')).toEqual({
    url: 'https://node.example/?api-key=abc',
    headers: {},
  });
});
