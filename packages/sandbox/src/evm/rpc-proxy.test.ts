import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createRpcGate, faultOn } from './rpc-fault.js';
import { startRpcProxy } from './rpc-proxy.js';
import type { RpcProxy } from './rpc-proxy.js';

/** A node that records what it was asked and answers a number which JavaScript cannot hold. */
const seen: string[] = [];
interface NodeCall {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}
const hugeResult = '18446744073709551615';
let node: Server;
let proxy: RpcProxy;

beforeAll(async () => {
  node = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const parsed = JSON.parse(body) as NodeCall | NodeCall[];
      const calls = Array.isArray(parsed) ? parsed : [parsed];
      seen.push(...calls.map(({ method, params }) => [method, ...params].join(' ')));
      const answers = calls.map((call) => `{"jsonrpc":"2.0","id":${call.id},"result":${hugeResult}}`);
      response.end(Array.isArray(parsed) ? `[${answers.join(',')}]` : answers[0]);
    });
  });
  await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve));
  proxy = await startRpcProxy({ target: `http://127.0.0.1:${(node.address() as AddressInfo).port}` });
});

afterEach(() => {
  proxy.reset();
  seen.length = 0;
});

afterAll(async () => {
  await proxy.stop();
  node.closeAllConnections();
  node.close();
});

async function ask(body: unknown): Promise<string> {
  const response = await fetch(proxy.url, { method: 'POST', body: JSON.stringify(body) });
  return response.text();
}

const call = (method: string, id = 1): object => ({ jsonrpc: '2.0', id, method, params: [] });

test('passes calls and batches on untouched and counts them by method', async () => {
  expect(await ask(call('a'))).toBe(`{"jsonrpc":"2.0","id":1,"result":${hugeResult}}`);
  expect(await ask([call('a', 1), call('b', 2)])).toContain(`{"jsonrpc":"2.0","id":2,"result":${hugeResult}}`);
  expect([proxy.calls('a'), proxy.calls('b'), proxy.calls('c'), proxy.calls()]).toEqual([2, 1, 0, 3]);
  expect(proxy.requests()).toBe(2);
  proxy.reset();
  expect([proxy.calls(), proxy.requests(), proxy.counts()]).toEqual([0, 0, {}]);
});

test('counts a transaction once, however often it is sent', async () => {
  const send = (bytes: string) => ask({ ...call('eth_sendRawTransaction'), params: [bytes] });
  await send('0x01');
  await send('0x01');
  await send('0x02');
  expect([proxy.calls('eth_sendRawTransaction'), proxy.transactions()]).toEqual([3, 2]);
  proxy.reset();
  expect(proxy.transactions()).toBe(0);
});

test('drop: the node never hears of it and the connection breaks', async () => {
  proxy.use(faultOn('a', { kind: 'drop' }));
  await expect(ask(call('a'))).rejects.toThrow('fetch failed');
  expect(seen).toEqual([]);
  expect(proxy.calls('a')).toBe(1);
});

test('lose-reply: the node does it and the caller does not learn so', async () => {
  proxy.use(faultOn('send', { kind: 'lose-reply', afterMs: 30 }));
  const begin = Date.now();
  await expect(ask(call('send'))).rejects.toThrow('fetch failed');
  expect(Date.now() - begin).toBeGreaterThanOrEqual(29);
  expect(seen).toEqual(['send']);
});

test('deny: the node does it and the caller is told that it did not', async () => {
  proxy.use(faultOn('send', { kind: 'deny', code: -32_005, message: 'Node is unhealthy' }));
  expect(JSON.parse(await ask(call('send', 3)))).toEqual({
    jsonrpc: '2.0',
    id: 3,
    error: { code: -32_005, message: 'Node is unhealthy' },
  });
  expect(seen).toEqual(['send']);
});

test('error, result and http-status are answered without the node', async () => {
  proxy.use(faultOn('a', { kind: 'error', code: -32_000, message: 'no', data: '0x' }));
  proxy.use(faultOn('b', { kind: 'result', result: '0x1' }));
  proxy.use(faultOn('c', { kind: 'http-status', status: 429, headers: { 'retry-after': '1' } }));
  expect(JSON.parse(await ask(call('a', 7)))).toEqual({
    jsonrpc: '2.0',
    id: 7,
    error: { code: -32_000, message: 'no', data: '0x' },
  });
  expect(JSON.parse(await ask(call('b')))).toMatchObject({ result: '0x1' });
  const limited = await fetch(proxy.url, { method: 'POST', body: JSON.stringify(call('c')) });
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '1']);
  expect(seen).toEqual([]);
});

test('duplicate: the node does it twice', async () => {
  proxy.use(faultOn('send', { kind: 'duplicate' }));
  expect(await ask(call('send'))).toContain(hugeResult);
  expect(seen).toEqual(['send', 'send']);
});

test('ask: the node is asked something else, and alter: its answer is told otherwise', async () => {
  proxy.use(faultOn('a', { kind: 'ask', params: ['0x7', true] }));
  expect(await ask(call('a'))).toContain(hugeResult);
  expect(seen).toEqual(['a 0x7 true']);
  proxy.use(faultOn('b', { kind: 'alter', change: () => null }));
  expect(JSON.parse(await ask(call('b', 7)))).toEqual({ jsonrpc: '2.0', id: 7, result: null });
  expect(seen).toEqual(['a 0x7 true', 'b']);
});

test('delay and hold keep a call back', async () => {
  const gate = createRpcGate();
  proxy.use(faultOn('slow', { kind: 'delay', ms: 50 }));
  proxy.use(faultOn('held', { kind: 'hold', gate }));
  const begin = Date.now();
  await ask(call('slow'));
  expect(Date.now() - begin).toBeGreaterThanOrEqual(49);
  const held = ask(call('held'));
  while (gate.waiting() === 0) await sleep(5);
  expect([gate.waiting(), seen]).toEqual([1, ['slow']]);
  gate.open();
  expect(await held).toContain(hugeResult);
  expect([gate.waiting(), seen]).toEqual([0, ['slow', 'held']]);
});

test('an open gate leaves its calls to the rules behind it', async () => {
  const gate = createRpcGate();
  proxy.use(faultOn('held', { kind: 'hold', gate }));
  gate.open();
  proxy.use(faultOn('held', { kind: 'error', code: 1, message: 'refused' }));
  expect(await ask(call('held'))).toContain('refused');
  expect(seen).toEqual([]);
});

test('a rule sees the ordinal, can be removed, and acts on single calls of a batch', async () => {
  const remove = proxy.use(faultOn('a', { kind: 'error', code: 1, message: 'second only' }, [2]));
  expect(await ask(call('a'))).toContain(hugeResult);
  const batch = await ask([call('a', 1), call('b', 2)]);
  expect(batch).toBe(
    `[{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"second only"}},{"jsonrpc":"2.0","id":2,"result":${hugeResult}}]`,
  );
  expect(await ask(call('a'))).toContain(hugeResult);
  remove();
  proxy.use(({ inBatch, method }) => (inBatch && method === 'b' ? { kind: 'drop' } : undefined));
  await expect(ask([call('a', 1), call('b', 2)])).rejects.toThrow('fetch failed');
});

test('a node that is away breaks the connection', async () => {
  const lonely = await startRpcProxy({ target: 'http://127.0.0.1:1' });
  await expect(fetch(lonely.url, { method: 'POST', body: JSON.stringify(call('a')) })).rejects.toThrow('fetch failed');
  await lonely.stop();
});
