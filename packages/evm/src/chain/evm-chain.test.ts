import { amount, baseSepolia, isFault, network, type SubmittedTransaction } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, faultOn, sandboxKeys, type TokenKind } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { offeredPayment } from '../../../../test/support/evm-payment.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import { createEvmNetwork } from '../index.js';

const { facilitator, facilitator2, merchant, stranger } = sandboxKeys.evm;
const asset = { network: baseSepolia, token: BASE_SEPOLIA_USDC };
let setup: EvmSetup;
let evm: ReturnType<EvmSetup['network']>;

beforeAll(async () => {
  setup = await startEvmSetup();
  evm = setup.network();
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

async function payment(options: { token?: `0x${string}`; value?: bigint } = {}) {
  const { token = BASE_SEPOLIA_USDC, value = 10_000n } = options;
  const { privateKey } = await setup.payer({ token });
  return offeredPayment({ privateKey, token, payTo: merchant.address, value });
}

async function stateOf(submitted: SubmittedTransaction, side = evm) {
  const [observation] = await side.chain.observe([submitted]);
  return observation ?? expect.fail('one transaction has one observation');
}

/** Holds transactions back while `work` runs. */
async function withoutMining<Result>(work: () => Promise<Result>): Promise<Result> {
  await setup.anvil.rpc('evm_setAutomine', [false]);
  try {
    return await work();
  } finally {
    await setup.anvil.rpc('evm_setAutomine', [true]);
  }
}

describe('who the node is', () => {
  test('is told by its chain id and named by its first block', async () => {
    const first = (await setup.anvil.rpc('eth_getBlockByNumber', ['0x0', false])) as { hash: string };
    expect(await evm.chain.identify()).toBe(first.hash);
  });

  test('another chain than the configured one is a fault', async () => {
    const { chain } = createEvmNetwork({
      network: network('eip155:8453'),
      rpcUrls: [setup.proxy.url],
      signerKeys: [facilitator.privateKey],
      assets: [],
      clock: { now: () => new Date(0) },
      onRpcCall: () => undefined,
      onWarning: () => undefined,
    });
    const fault = await chain.identify().catch((error: unknown) => error);
    if (!isFault(fault, 'CHAIN_WRONG_NETWORK')) return expect.fail(String(fault));
    expect(fault.facts).toEqual({ network: 'eip155:8453', servedChainId: 84_532n });
  });
});

describe('a broadcast', () => {
  test('may be repeated while the transaction waits and after it is mined', async () => {
    const { signed, submitted } = await evm.sign(await payment());
    await withoutMining(async () => {
      expect(await evm.chain.broadcast(signed)).toEqual({ accepted: true });
      expect(await evm.chain.broadcast(signed)).toEqual({ accepted: true });
      expect(await stateOf(submitted)).toEqual({ state: 'pending' });
      // Only mined transactions count.
      expect(await evm.chain.nextAccountNonce(facilitator.address)).toBe(signed.accountNonce);
      await setup.anvil.mine();
    });
    await setup.mined(signed.id);
    expect(await evm.chain.broadcast(signed)).toEqual({ accepted: true });
    expect(await stateOf(submitted)).toMatchObject({ state: 'transferred' });
  });

  test('is not accepted when its account nonce went to another transaction', async () => {
    const { signed: late } = await evm.sign(await payment());
    await evm.send(await payment());
    expect(await evm.chain.broadcast(late)).toMatchObject({
      accepted: false,
      detail: expect.stringMatching(/nonce too low/i) as string,
    });
  });

  test('is not accepted when it does not outbid the one that waits in its place', async () => {
    const [first, second] = [await evm.sign(await payment()), await evm.sign(await payment())];
    expect(second.signed.accountNonce).toBe(first.signed.accountNonce);
    await withoutMining(async () => {
      expect(await evm.chain.broadcast(first.signed)).toEqual({ accepted: true });
      expect(await evm.chain.broadcast(second.signed)).toMatchObject({
        accepted: false,
        detail: expect.stringMatching(/underpriced/i) as string,
      });
      await setup.anvil.mine();
    });
  });

  test('is not accepted when the signer cannot pay for it', async () => {
    const poor = setup.network({ signerKey: (await setup.payer()).privateKey });
    const { signed } = await poor.sign(await payment());
    expect(await poor.chain.broadcast(signed)).toMatchObject({
      accepted: false,
      detail: expect.stringMatching(/insufficient funds/i) as string,
    });
  });

  test.each([
    ['drop', { kind: 'drop' } as const, 'pending'],
    ['http-status', { kind: 'http-status', status: 503 } as const, 'pending'],
    ['lose-reply', { kind: 'lose-reply', afterMs: 10 } as const, 'transferred'],
  ])(
    'whose answer is missing (%s) is not accepted, and only the chain tells what became of it',
    async (_name, fault, state) => {
      const { signed, submitted } = await evm.sign(await payment());
      setup.proxy.use(faultOn('eth_sendRawTransaction', fault));
      expect(await evm.chain.broadcast(signed)).toMatchObject({ accepted: false });
      if (state === 'transferred') await setup.mined(signed.id);
      expect(await stateOf(submitted)).toMatchObject({ state });
    },
  );

  test('that takes too long is not accepted and does not throw', async () => {
    const { signed } = await evm.sign(await payment());
    setup.proxy.use(faultOn('eth_sendRawTransaction', { kind: 'delay', ms: 60_000 }));
    const hasty = setup.network({ limits: { rpcTimeoutMs: 50 } });
    expect(await hasty.chain.broadcast(signed)).toEqual({
      accepted: false,
      detail: 'The node did not answer: timeout',
    });
  });
});

describe('the evidence', () => {
  test.each<[TokenKind, string]>([
    ['silent', 'invalid_exact_evm_transfer_event_mismatch'],
    ['fee', 'invalid_exact_evm_transfer_event_mismatch'],
    ['trap', 'invalid_exact_evm_transaction_failed'],
  ])('of a %s token is a failure, with what it cost', async (kind, reason) => {
    const token = await setup.anvil.deployToken({ kind, name: 'USDC', symbol: 'USDC', version: '2', decimals: 6 });
    const side = setup.network({ assets: [token] });
    const submitted = await side.send(await payment({ token }));
    const observation = await stateOf(submitted, side);
    expect(observation).toMatchObject({ state: 'failed', rejection: { reason } });
    if (observation.state === 'failed') expect(observation.feePaid).toBeGreaterThan(0n);
  });

  test.each([
    ['payer', { payer: stranger.address }],
    ['payee', { payTo: stranger.address }],
    ['amount', { amount: amount(9_999n) }],
    ['token', { asset: { network: baseSepolia, token: stranger.address } }],
  ])('of a transfer with another %s is no evidence', async (_name, changes) => {
    const submitted = await evm.send(await payment());
    expect(await stateOf({ ...submitted, expected: { ...submitted.expected, ...changes } })).toMatchObject({
      state: 'failed',
      rejection: { reason: 'invalid_exact_evm_transfer_event_mismatch' },
    });
  });

  test('is told for many transactions in the order asked', async () => {
    const other = setup.network({ signerKey: facilitator2.privateKey });
    const [first, second] = [await evm.send(await payment()), await other.send(await payment({ value: 7n }))];
    const unknown = { ...first, id: `0x${'77'.repeat(32)}` };
    const many = Array.from({ length: 20 }, () => [unknown, second, first]).flat();
    const states = (await evm.chain.observe(many)).map((observation) =>
      observation.state === 'transferred' ? observation.effect.amount : observation.state,
    );
    expect(states).toEqual(Array.from({ length: 20 }, () => ['pending', 7n, 10_000n]).flat());
    expect(await evm.chain.observe([])).toEqual([]);
  });

  test('counts only under as many blocks as are configured', async () => {
    const careful = setup.network({ limits: { confirmations: 3 } });
    await setup.anvil.mine(3);
    const before = await careful.chain.tokenBalance({ asset, owner: merchant.address });
    const submitted = await evm.send(await payment());
    for (const state of ['pending', 'pending', 'transferred']) {
      expect(await stateOf(submitted, careful)).toMatchObject({ state });
      const paid = state === 'transferred' ? 10_000n : 0n;
      expect(await careful.chain.tokenBalance({ asset, owner: merchant.address })).toBe(before + paid);
      await setup.anvil.mine();
    }
  });

  test('counts only if its block is the one that the chain has', async () => {
    const submitted = await evm.send(await payment());
    const receipt = (await setup.anvil.rpc('eth_getTransactionReceipt', [submitted.id])) as Record<string, unknown>;
    const orphaned = { ...receipt, blockHash: `0x${'66'.repeat(32)}` };
    setup.proxy.use(faultOn('eth_getTransactionReceipt', { kind: 'result', result: orphaned }, [1, 2]));
    expect(await stateOf(submitted)).toEqual({ state: 'pending' });
    expect(await stateOf(submitted)).toMatchObject({
      state: 'transferred',
      effect: { block: { hash: receipt['blockHash'] } },
    });
  });

  test("includes a rollup's fee for the data in the cost", async () => {
    const submitted = await evm.send(await payment());
    const receipt = (await setup.anvil.rpc('eth_getTransactionReceipt', [submitted.id])) as Record<string, unknown>;
    const plain = await stateOf(submitted);
    const withFee = { kind: 'result', result: { ...receipt, l1Fee: '0x64' } } as const;
    setup.proxy.use(faultOn('eth_getTransactionReceipt', withFee));
    const rolledUp = await stateOf(submitted);
    if (plain.state !== 'transferred' || rolledUp.state !== 'transferred') return expect.fail('both were transferred');
    expect(rolledUp.feePaid - plain.feePaid).toBe(100n);
  });

  test('that cannot be had is a fault, as is one that cannot be read', async () => {
    const submitted = await evm.send(await payment());
    const remove = setup.proxy.use(faultOn('eth_getTransactionReceipt', { kind: 'drop' }));
    await expect(stateOf(submitted)).rejects.toSatisfy((error) => isFault(error, 'CHAIN_RPC_UNAVAILABLE'));
    remove();
    setup.proxy.use(faultOn('eth_getTransactionReceipt', { kind: 'result', result: { status: 'success' } }));
    await expect(stateOf(submitted)).rejects.toSatisfy((error) => isFault(error, 'CHAIN_RPC_UNAVAILABLE'));
  });

  test('survives a reorg only if the transaction does', async () => {
    const submitted = await evm.send(await payment());
    expect(await stateOf(submitted)).toMatchObject({ state: 'transferred' });
    await setup.anvil.rpc('anvil_rollback', [1]);
    expect(await stateOf(submitted)).toEqual({ state: 'pending' });
    expect(await evm.chain.broadcast({ ...submitted, signer: facilitator.address })).toEqual({ accepted: true });
    await setup.mined(submitted.id);
    expect(await stateOf(submitted)).toMatchObject({ state: 'transferred' });
  });
});

describe('what an account has', () => {
  test('is told in minor units and in wei', async () => {
    const payer = await setup.payer({ amount: 123n });
    await setup.anvil.fundEth(payer.address, 45n);
    expect(await evm.chain.tokenBalance({ asset, owner: payer.address })).toBe(123n);
    expect(await evm.chain.nativeBalance(payer.address)).toBe(45n);
    await evm.chain.prepareToReceive({ asset, owner: payer.address });
    expect(await evm.chain.blockHeight()).toBe(BigInt((await setup.anvil.rpc('eth_blockNumber')) as string));
  });

  test('of a token that is not there is unknown, not zero', async () => {
    const missing = { network: baseSepolia, token: '0x00000000000000000000000000000000000000fF' };
    const balance = evm.chain.tokenBalance({ asset: missing, owner: merchant.address });
    await expect(balance).rejects.toSatisfy((error) => isFault(error, 'CHAIN_RPC_UNAVAILABLE'));
  });
});
