import { isFault, solanaDevnet } from '@tollkeeper/protocol';
import { type RpcProxy, type SolanaChain, startRpcProxy, startSolanaChain } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../../../test/support/eventually.js';
import { createJsonRpcPool } from './json-rpc-pool.js';
import { createSolanaRpc } from './solana-rpc.js';

let chain: SolanaChain;
let first: RpcProxy;
let second: RpcProxy;

beforeAll(async () => {
  chain = await startSolanaChain();
  first = await startRpcProxy({ target: chain.url });
  second = await startRpcProxy({ target: chain.url });
});
afterEach(() => {
  first.reset();
  second.reset();
});
afterAll(async () => {
  await Promise.all([first.stop(), second.stop()]);
  await chain.stop();
});

/** A pool of the two proxies. */
function open() {
  const { client, statuses } = createJsonRpcPool({
    network: solanaDevnet,
    urls: [first.url, second.url],
    commitment: 'confirmed',
    limits: { timeoutMs: 20_000, cooldownMs: 20, compareEveryMs: 10, maximumLagBlocks: 25 },
    onRpcCall: () => undefined,
    onWarning: () => undefined,
  });
  return { rpc: createSolanaRpc(client, 'confirmed'), states: () => statuses().map(({ state }) => state) };
}

const behind = () => ({ kind: 'error', code: -32005, message: 'Node is behind by 200 slots' }) as const;

test('a node that says that it is behind is left for the other one, and taken back when it serves again', async () => {
  const { rpc, states } = open();
  await rpc.balance(payer);
  const repair = first.use(behind);
  for (let call = 0; call < 30; call += 1) expect(await rpc.balance(payer)).toBe(0n);
  expect(states()[0]).toBe('refusing');
  repair();
  await eventually(async () => {
    await rpc.balance(payer);
    expect(states()).toEqual(['serving', 'serving']);
  });
});

test('when all of them are behind, that is a fault', async () => {
  const { rpc } = open();
  for (const proxy of [first, second]) proxy.use(behind);
  const fault = await rpc.balance(payer).catch((error: unknown) => error);
  expect(isFault(fault, 'CHAIN_RPC_UNAVAILABLE')).toBe(true);
});

test('a slot without a block is an answer, and is not asked for again elsewhere', async () => {
  const { rpc } = open();
  await rpc.balance(payer);
  const message = 'Slot 5 was skipped, or missing due to ledger jump to recent snapshot';
  first.use(({ method }) => (method === 'getBlock' ? { kind: 'error', code: -32007, message } : undefined));
  expect(await rpc.block(5n)).toEqual({ refused: true, code: -32007, message });
  expect(second.calls('getBlock')).toBe(0);
});

/** Has never had anything. */
const payer = 'BxQE1Am196eGeTHAsV6ni5GQjBYVHVqhJQVLREgnZAYY';
