import { solanaDevnet, type SignedTransaction, type SubmittedTransaction } from '@tollkeeper/protocol';
import {
  createRpcGate,
  faultOn,
  startRpcProxy,
  startSolanaChain,
  type RpcProxy,
  type RpcRule,
  type SolanaChain,
} from '@tollkeeper/sandbox';
import { createSvmNetwork, type SvmNetwork } from '@tollkeeper/svm/network';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { latestBlockhash } from './latest-blockhash.js';
import {
  buyer,
  feePayer,
  memoInstruction,
  merchant,
  paymentOf,
  standardInstructions,
  transactionText,
  usdc,
} from './solana-payment.js';

let chain: SolanaChain;
let proxy: RpcProxy;
let ours: SvmNetwork;
let nowMs = 0;

beforeAll(async () => {
  chain = await startSolanaChain();
  chain.pauseSlots();
  chain.createToken({ mint: usdc, decimals: 6, program: 'token' });
  chain.fundSol(feePayer.address, 10_000_000_000n);
  chain.fundToken({ mint: usdc, owner: buyer.publicKey.toBase58(), amount: 1_000_000_000n });
  chain.fundToken({ mint: usdc, owner: merchant, amount: 0n });
  proxy = await startRpcProxy({ target: chain.url });
  ours = networkOf([proxy.url], (message) => expect.fail(message));
});
afterAll(async () => {
  await proxy.stop();
  await chain.stop();
});
beforeEach(() => proxy.reset());

function networkOf(rpcUrls: readonly string[], onWarning: (message: string) => void): SvmNetwork {
  return createSvmNetwork({
    network: solanaDevnet,
    rpcUrls,
    feePayerKey: feePayer.privateKeyBase58,
    assets: [usdc],
    clock: { now: () => new Date(nowMs) },
    onRpcCall: () => undefined,
    onWarning,
  });
}

let payments = 0;

async function sign(): Promise<SignedTransaction & SubmittedTransaction> {
  payments += 1;
  const instructions = [...standardInstructions(), memoInstruction(`payment ${payments}`)];
  const examination = await ours.schemes[0]?.examine(
    paymentOf(transactionText({ instructions, blockhash: await latestBlockhash(chain) })),
  );
  if (examination?.kind !== 'acceptable') return expect.fail(JSON.stringify(examination));
  const verdict = await examination.payment.verify();
  if (!verdict.valid) return expect.fail(verdict.rejection.detail);
  const planned = await verdict.payment.plan({ signer: feePayer.address, company: [] });
  if (!planned.planned) return expect.fail(planned.rejection.detail);
  return { ...planned.plan.sign(undefined), expected: verdict.payment.authorization };
}

/** The node is well again, and the longest pause between two searches is over. */
function recover(): void {
  proxy.reset();
  nowMs += 60_000;
}

/** A payment that landed so long ago that no later block could hold it. */
async function land(): Promise<SubmittedTransaction> {
  const signed = await sign();
  expect(await ours.chain.broadcast(signed)).toEqual({ accepted: true });
  chain.advanceSlots(400);
  return signed;
}

async function stateOf(submitted: SubmittedTransaction): Promise<string | undefined> {
  const [observation] = await ours.chain.observe([submitted]);
  return observation?.state;
}

/** A node that has no block of these slots. */
function lacking(isLacking: (slot: number) => boolean, context: Readonly<Record<string, unknown>> = {}): RpcRule {
  const change = (found: unknown) => {
    const { value, ...rest } = found as { readonly value: readonly ({ readonly slot: number } | null)[] };
    return { ...rest, ...context, value: value.map((status) => (status && isLacking(status.slot) ? null : status)) };
  };
  return faultOn('getSignatureStatuses', { kind: 'alter', change });
}

test('a node whose history begins after a payment does not give it up, though another behind its address has its block', async () => {
  const begin = chain.slot() + 1;
  chain.advanceSlots(1);
  const paid = await land();
  const first = begin + 200;
  proxy.use(lacking((slot) => slot < first));
  expect(await stateOf(paid)).toBe('pending');
  const inclusion = { transaction: paid.id, block: { number: BigInt(begin), hash: begin.toString() } };
  expect(await ours.chain.finality([inclusion])).toEqual(['unknown']);
  recover();
  expect(await stateOf(paid)).toBe('transferred');
});

/** A node that was away and began anew from a snapshot: it has what was before these slots, and what came after them. */
function jumped(from: number, to: number): void {
  const isInHole = (slot: number) => slot >= from && slot <= to;
  proxy.use(lacking(isInHole));
  proxy.use(refusingBlocks(-32_007, isInHole));
}

test('a node with a hole in its history does not give a payment up that is in the hole', async () => {
  chain.advanceSlots(300);
  const begin = chain.slot();
  const paid = await land();
  for (const [from, to] of [
    [begin - 1, begin + 350],
    [begin - 300, begin + 20],
    [begin - 1, begin + 100],
  ] as const) {
    jumped(from, to);
    expect(await stateOf(paid)).toBe('pending');
    recover();
  }
  expect(await stateOf(paid)).toBe('transferred');
});

test('a node with a hole in its history takes nothing back that is in the hole', async () => {
  chain.advanceSlots(300);
  const slot = chain.slot();
  const paid = await land();
  const inclusion = { transaction: paid.id, block: { number: BigInt(slot), hash: slot.toString() } };
  for (const [from, to] of [
    [slot - 8, slot + 350],
    [slot - 350, slot + 8],
    [slot - 8, slot + 8],
  ] as const) {
    jumped(from, to);
    expect(await ours.chain.finality([inclusion])).toEqual(['unknown']);
    recover();
  }
  expect(await ours.chain.finality([inclusion])).toEqual(['final']);
});

test('a node on a fork without a payment takes nothing back, though the fork has other transactions of its block', async () => {
  const slot = chain.slot();
  const paid = await land();
  proxy.use(({ method, params }) => {
    if (method !== 'getSignatureStatuses') return undefined;
    const [ids] = params as readonly [readonly string[]];
    const change = (found: unknown) => {
      const { value, ...rest } = found as { readonly value: readonly ({ readonly slot: number } | null)[] };
      const elsewhere = value.map((status) => status && { ...status, slot: status.slot + 1 });
      return { ...rest, value: elsewhere.map((status, index) => (ids[index] === paid.id ? null : status)) };
    };
    return { kind: 'alter', change };
  });
  const inclusion = { transaction: paid.id, block: { number: BigInt(slot), hash: slot.toString() } };
  expect(await ours.chain.finality([inclusion])).toEqual(['unknown']);
  recover();
  expect(await ours.chain.finality([inclusion])).toEqual(['final']);
});

test('a node that answers nothing for a block does not have it', async () => {
  const unsent = await sign();
  const slot = chain.slot();
  chain.advanceSlots(400);
  proxy.use(faultOn('getBlock', { kind: 'result', result: null }));
  expect(await stateOf(unsent)).toBe('pending');
  nowMs += 60_000;
  const inclusion = { transaction: unsent.id, block: { number: BigInt(slot), hash: slot.toString() } };
  expect(await ours.chain.finality([inclusion])).toEqual(['unknown']);
});

test('a node that has forgotten its oldest block meanwhile gives nothing up', async () => {
  const unsent = await sign();
  chain.advanceSlots(400);
  proxy.use(faultOn('getBlock', { kind: 'error', code: -32_001, message: 'Block cleaned up' }));
  expect(await stateOf(unsent)).toBe('pending');
});

test('a search of a node that has not come as far as the height that was asked of another gives nothing up', async () => {
  const paid = await land();
  const last = chain.slot() - 400;
  proxy.use(lacking((slot) => slot >= last, { context: { slot: last } }));
  expect(await stateOf(paid)).toBe('pending');
  const inclusion = { transaction: paid.id, block: { number: BigInt(last), hash: last.toString() } };
  expect(await ours.chain.finality([inclusion])).toEqual(['unknown']);
  recover();
  expect(await stateOf(paid)).toBe('transferred');
  expect(await ours.chain.finality([inclusion])).toEqual(['final']);
});

/** A cluster with no block in these slots, or a node that has them no more. */
function refusingBlocks(code: number, isRefused: (slot: number) => boolean): RpcRule {
  return ({ method, params }) =>
    method === 'getBlock' && isRefused((params as readonly [number])[0])
      ? { kind: 'error', code, message: 'no block' }
      : undefined;
}

test('a history is known by an older block where slots have none', async () => {
  const unsent = await sign();
  chain.advanceSlots(400);
  proxy.use(refusingBlocks(-32_007, (slot) => slot % 8 !== 0));
  expect(await stateOf(unsent)).toBe('expired');
  proxy.use(refusingBlocks(-32_007, () => true));
  expect(await stateOf(unsent)).toBe('pending');
});

test('a block is old enough by its height, however many slots had none since then', async () => {
  const unsent = await sign();
  const height = chain.slot() - 11_000_000;
  chain.advanceSlots(400);
  const heights: number[] = [];
  proxy.use(({ method }) => {
    if (method !== 'getBlock') return undefined;
    const change = (found: unknown) => {
      const block = found as { readonly blockHeight: number };
      // As if every second slot since then had been without a block.
      const since = chain.slot() - 11_000_000 - block.blockHeight;
      heights.push(block.blockHeight + Math.floor(since / 2));
      return { ...block, blockHeight: heights.at(-1) };
    };
    return { kind: 'alter', change };
  });
  expect(await stateOf(unsent)).toBe('expired');
  expect(heights.length).toBeGreaterThan(5);
  expect(heights.at(-1)).toBeLessThanOrEqual(height - 50);
});

test('what is older than all blocks that are kept holds up nothing that is younger', async () => {
  const old = await sign();
  chain.advanceSlots(1_000);
  const young = await Promise.all([sign(), sign()]);
  const kept = chain.slot() - 300;
  chain.advanceSlots(400);
  proxy.use(refusingBlocks(-32_001, (slot) => slot < kept));
  const observed = await ours.chain.observe([old, ...young]);
  expect(observed.map(({ state }) => state)).toEqual(['pending', 'expired', 'expired']);
});

test('what the whole history lacks is given up, and costs eight requests more than a look', async () => {
  const unsent = await sign();
  chain.advanceSlots(400);
  proxy.reset();
  expect(await stateOf(unsent)).toBe('expired');
  expect(proxy.counts()).toEqual({
    getSignatureStatuses: 3,
    getEpochInfo: 1,
    getBlock: 5,
  });
});

test('what a node cannot tell about is searched for again after pauses that grow to a minute', async () => {
  const unsent = await sign();
  chain.advanceSlots(400);
  proxy.use(faultOn('getBlock', { kind: 'error', code: -32_001, message: 'Block cleaned up' }));
  const searches: number[] = [];
  for (let second = 0; second < 200; second += 1) {
    const before = proxy.calls('getBlock');
    expect(await stateOf(unsent)).toBe('pending');
    if (proxy.calls('getBlock') > before) searches.push(second);
    nowMs += 1_000;
  }
  expect(searches).toEqual([0, 2, 6, 14, 30, 62, 122, 182]);
  const quiet = proxy.calls();
  expect(await stateOf(unsent)).toBe('pending');
  expect(proxy.calls() - quiet).toBe(1);
});

test('a search that is not answered comes again after a pause too', async () => {
  const unsent = await sign();
  const slot = chain.slot();
  const inclusion = { transaction: unsent.id, block: { number: BigInt(slot), hash: slot.toString() } };
  chain.advanceSlots(400);
  for (const look of [() => ours.chain.observe([unsent]), () => ours.chain.finality([inclusion])]) {
    proxy.use(faultOn('getBlock', { kind: 'drop' }));
    await expect(look()).rejects.toMatchObject({ code: 'CHAIN_RPC_UNAVAILABLE' });
    const before = proxy.calls('getBlock');
    await look();
    expect(proxy.calls('getBlock')).toBe(before);
    recover();
  }
  expect(await stateOf(unsent)).toBe('expired');
});

test('a search that one endpoint does not answer is answered by the next one at once', async () => {
  const unsent = await sign();
  const slot = chain.slot();
  const inclusion = { transaction: unsent.id, block: { number: BigInt(slot), hash: slot.toString() } };
  chain.advanceSlots(400);
  proxy.use(faultOn('getBlock', { kind: 'drop' }));
  const look = () => networkOf([proxy.url, chain.url], () => undefined).chain;
  expect(await look().observe([unsent])).toMatchObject([{ state: 'expired' }]);
  expect(await look().finality([inclusion])).toEqual(['gone']);
});

test('a search of which the node does not tell holds up no hasty look', async () => {
  const unsent = await sign();
  chain.advanceSlots(400);
  const paid = await sign();
  await ours.chain.broadcast(paid);
  chain.advanceSlots(3);
  const gate = createRpcGate();
  proxy.use(faultOn('getBlock', { kind: 'hold', gate }));
  const look = () => ours.chain.observe([unsent, paid], { isHasty: true });
  for (let looks = 0; looks < 3; looks += 1)
    expect(await look()).toMatchObject([{ state: 'pending' }, { state: 'transferred' }]);
  expect(proxy.calls('getBlock')).toBe(1);
  gate.open();
  await eventually(async () => expect(await look()).toMatchObject([{ state: 'expired' }, { state: 'transferred' }]));
});
