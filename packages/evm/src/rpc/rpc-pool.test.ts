import { inspect } from 'node:util';
import { baseSepolia, isFault, type PoolLimits, type RpcCall } from '@tollkeeper/protocol';
import {
  type EvmChain,
  faultOn,
  type RpcFault,
  type RpcProxy,
  startEvmChain,
  startRpcProxy,
} from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../../test/support/eventually.js';
import { createEvmNode } from './evm-node.js';
import { createRpcPool } from './rpc-pool.js';

let anvil: EvmChain;
let first: RpcProxy;
let second: RpcProxy;

beforeAll(async () => {
  anvil = await startEvmChain();
  first = await startRpcProxy({ target: anvil.url });
  second = await startRpcProxy({ target: anvil.url });
});
afterEach(() => {
  first.reset();
  second.reset();
});
afterAll(async () => {
  await Promise.all([first.stop(), second.stop()]);
  await anvil.stop();
});

/** A pool of the two proxies, whose addresses carry a key that must never be seen. */
function open(limits: Partial<PoolLimits> = {}) {
  const said: unknown[] = [];
  const calls: RpcCall[] = [];
  const { rpc, statuses } = createRpcPool({
    network: baseSepolia,
    urls: [first, second].map(({ url }) => `${url.replace('//', '//user:s3cret@')}/v2/s3cret-key`),
    limits: { timeoutMs: 20_000, cooldownMs: 20, compareEveryMs: 10, maximumLagBlocks: 5, ...limits },
    onRpcCall: (call) => calls.push(call),
    onWarning: (message, facts) => said.push(message, facts),
  });
  return { node: createEvmNode({ network: baseSepolia, rpc }), rpc, statuses, said, calls };
}

const away = { kind: 'drop' } as const;
const quotaSpent = {
  kind: 'error',
  code: -32005,
  message: 'daily request count exceeded, request rate limited',
} as const;
const everyCall = (fault: RpcFault) => () => fault;
const states = (statuses: () => readonly { state: string }[]) => statuses().map(({ state }) => state);

describe('a read goes on at the second endpoint when the first', () => {
  test.each([
    ['breaks the connection', away],
    ['throttles', { kind: 'http-status', status: 429 }],
    ['is broken', { kind: 'http-status', status: 502 }],
    ['takes too long', { kind: 'delay', ms: 60_000 }],
    ['has spent its quota', quotaSpent],
  ] as const)('%s', async (_how, fault) => {
    // Half of it is left for the second endpoint, which needs little of that.
    const { node, statuses, calls } = open({ timeoutMs: 8_000 });
    first.use(faultOn('eth_gasPrice', fault));
    first.use(faultOn('eth_maxPriorityFeePerGas', fault));
    expect(await node.priorityFee()).toBeGreaterThanOrEqual(0n);
    expect(calls.map(({ endpoint }) => endpoint)).toContain(2);
    expect(states(statuses)).not.toEqual(['serving', 'unchecked']);
  });
});

test('an answer that is an error is not asked for again elsewhere', async () => {
  const { node, calls } = open({ compareEveryMs: 60_000 });
  await node.blockNumber();
  await eventually(() => expect(calls.filter(({ method }) => method === 'eth_blockNumber')).toHaveLength(3));
  first.use(faultOn('eth_call', { kind: 'error', code: 3, message: 'execution reverted' }));
  await expect(node.call({ to: `0x${'1'.repeat(40)}`, data: '0x' })).rejects.toThrow('execution reverted');
  expect(second.calls('eth_call')).toBe(0);
});

test('signed bytes go to the second endpoint when the first takes them and does not answer', async () => {
  const { node } = open();
  first.use(faultOn('eth_sendRawTransaction', { kind: 'lose-reply', afterMs: 1 }));
  await expect(node.sendRaw(new Uint8Array([1]))).rejects.toThrow();
  expect([first.calls('eth_sendRawTransaction'), second.calls('eth_sendRawTransaction')]).toEqual([1, 1]);
});

test('a spent quota of one endpoint is not noticed by callers, and it is taken back when it serves again', async () => {
  const { node, statuses, said } = open();
  await node.blockNumber();
  const repair = first.use(everyCall(quotaSpent));
  for (let call = 0; call < 30; call += 1) expect(await node.blockNumber()).toBeGreaterThanOrEqual(0n);
  expect(states(statuses)[0]).toBe('refusing');
  expect(said).toContain('An RPC endpoint refuses to serve');
  repair();
  await eventually(async () => {
    await node.blockNumber();
    expect(states(statuses)).toEqual(['serving', 'serving']);
  });
});

test('a quota that all of them have spent is a fault with the words of the last, and no question is left unasked', async () => {
  const { node } = open({ compareEveryMs: 60_000 });
  await node.blockNumber();
  const repairs = [first, second].map((proxy) => proxy.use(everyCall(quotaSpent)));
  for (let call = 1; call <= 3; call += 1) {
    const fault = await node.balance(`0x${'1'.repeat(40)}`).catch((error: unknown) => error);
    if (!isFault(fault, 'CHAIN_RPC_UNAVAILABLE')) return expect.fail(String(fault));
    expect(fault.facts).toMatchObject({ trouble: `${quotaSpent.message} (code -32005)` });
    expect(first.calls('eth_getBalance')).toBe(call);
  }
  for (const repair of repairs) repair();
  expect(await node.balance(`0x${'1'.repeat(40)}`)).toBe(0n);
});

test('signed bytes go to the second endpoint when the quota of the first is spent', async () => {
  const { node } = open();
  first.use(faultOn('eth_sendRawTransaction', quotaSpent));
  await expect(node.sendRaw(new Uint8Array([1]))).rejects.toThrow();
  expect([first.calls('eth_sendRawTransaction'), second.calls('eth_sendRawTransaction')]).toEqual([1, 1]);
});

test('an outage of one endpoint is not noticed by callers, and it is taken back after it', async () => {
  const { node, statuses } = open();
  await node.blockNumber();
  const repair = first.use(everyCall(away));
  for (let call = 0; call < 30; call += 1) expect(await node.blockNumber()).toBeGreaterThanOrEqual(0n);
  expect(states(statuses)[0]).toBe('away');
  repair();
  await eventually(async () => {
    await node.blockNumber();
    expect(states(statuses)).toEqual(['serving', 'serving']);
  });
  second.use(everyCall(away));
  expect(await node.blockNumber()).toBeGreaterThanOrEqual(0n);
});

test('an endpoint that is far behind is left out', async () => {
  const { node, statuses } = open();
  await anvil.rpc('anvil_mine', ['0x10']);
  const repair = first.use(faultOn('eth_blockNumber', { kind: 'result', result: '0x1' }));
  await eventually(async () => {
    await node.blockNumber();
    expect(states(statuses)).toEqual(['lagging', 'serving']);
  });
  expect(await node.blockNumber()).toBeGreaterThan(1n);
  repair();
  await eventually(async () => {
    await node.blockNumber();
    expect(states(statuses)).toEqual(['serving', 'serving']);
  });
});

describe('another chain', () => {
  const mainnet = { kind: 'result', result: '0x2105' } as const;

  test('behind the second endpoint is never asked anything else', async () => {
    const { node, statuses, said } = open();
    second.use(faultOn('eth_chainId', mainnet));
    await eventually(async () => {
      await node.blockNumber();
      expect(states(statuses)).toEqual(['serving', 'wrong_network']);
    });
    first.use(everyCall(away));
    const fault = await node.balance(`0x${'1'.repeat(40)}`).catch((error: unknown) => error);
    expect(isFault(fault, 'CHAIN_RPC_UNAVAILABLE')).toBe(true);
    expect(second.calls('eth_getBalance')).toBe(0);
    expect(said).toContain('An RPC endpoint serves another network and is left out');
  });

  test('behind an endpoint that was away is noticed before it is used', async () => {
    const { node, statuses } = open();
    await node.blockNumber();
    const repair = first.use(everyCall(away));
    await node.blockNumber();
    repair();
    first.use(
      faultOn('eth_getBlockByNumber', { kind: 'result', result: { number: '0x0', hash: `0x${'7'.repeat(64)}` } }),
    );
    await eventually(async () => {
      await node.blockNumber();
      expect(states(statuses)).toEqual(['wrong_network', 'serving']);
    });
  });

  test('behind all of them is a fault of its own', async () => {
    const { node } = open();
    for (const proxy of [first, second]) proxy.use(faultOn('eth_chainId', mainnet));
    const fault = await node.blockNumber().catch((error: unknown) => error);
    expect(isFault(fault, 'CHAIN_WRONG_NETWORK')).toBe(true);
  });
});

test('what is put together comes from one node', async () => {
  const { node, calls } = open({ compareEveryMs: 60_000 });
  await node.blockNumber();
  await eventually(() => expect(calls.filter(({ method }) => method === 'eth_blockNumber')).toHaveLength(3));
  calls.length = 0;
  first.use(faultOn('eth_getBalance', away));
  const owner = `0x${'1'.repeat(40)}`;
  await node.onOneEndpoint(async (one) => [await one.blockNumber(), await one.balance(owner)]);
  expect(calls.map(({ endpoint, method }) => `${endpoint} ${method}`)).toEqual([
    '1 eth_blockNumber',
    '1 eth_getBalance',
    '2 eth_blockNumber',
    '2 eth_getBalance',
  ]);
});

test('no address is seen in a fault, a warning or what is counted', async () => {
  const { node, said, calls, statuses } = open();
  for (const proxy of [first, second]) proxy.use(everyCall(away));
  const fault = await node.blockNumber().catch((error: unknown) => error);
  const seen = inspect([fault, said, calls, statuses()], { depth: 10 });
  expect(seen).toContain('does not answer');
  expect(seen).not.toMatch(/s3cret|127\.0\.0\.1/);
});
