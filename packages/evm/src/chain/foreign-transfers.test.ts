import { amount, type ClaimedTransfer, isFault, type Payment } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, contractCode, faultOn, MULTICALL3_ADDRESS, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cancelAuthorization } from '../../../../test/support/evm-cancellation.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import { mine, paymentsTo, signTogether } from '../../../../test/support/evm-sharing.js';
import { offeredPayment } from '../../../../test/support/evm-payment.js';

const { facilitator2, merchant, stranger } = sandboxKeys.evm;
let setup: EvmSetup;
let evm: ReturnType<EvmSetup['network']>;
/** Somebody who sends what others signed. */
let thief: ReturnType<EvmSetup['network']>;

beforeAll(async () => {
  setup = await startEvmSetup();
  evm = setup.network();
  thief = setup.network({ signerKey: facilitator2.privateKey });
  await evm.chain.identify();
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

const merchants = (count: number) => Array.from({ length: count }, () => merchant.address);

async function claimOf(payment: Payment): Promise<ClaimedTransfer> {
  const { authorization, verifiedAtBlock } = await evm.verify(payment);
  return { ...authorization, unusedAtBlock: verifiedAtBlock ?? expect.fail('the block is told') };
}

async function find(claims: readonly ClaimedTransfer[], side = evm) {
  setup.proxy.reset();
  const found = await side.chain.findForeignTransfers(claims);
  return { found, calls: setup.proxy.counts() };
}

describe('transfers by somebody else', () => {
  test('are not looked for where the authorizations are unused: one call for two hundred of them', async () => {
    const claims = await Promise.all((await paymentsTo(setup, merchants(200))).map(claimOf));
    expect(await find(claims)).toEqual({ found: claims.map(() => undefined), calls: { eth_call: 1 } });
    expect(await find([])).toEqual({ found: [], calls: {} });
  });

  test('are found with the transaction that moved the money, each by its own log', async () => {
    const payments = await paymentsTo(setup, merchants(6));
    const claims = await Promise.all(payments.map(claimOf));
    const lone = await thief.send(payments[0] ?? expect.fail('a payment'));
    const { signed } = await signTogether(thief, payments.slice(2), facilitator2.address);
    await mine(setup, thief, signed);
    const { found, calls } = await find(claims);
    const places = found.map((effect) => effect && [effect.transaction, effect.position]);
    const shared = ['1', '3', '5', '7'].map((position) => [signed.id, position]);
    expect(places).toEqual([[lone.id, '1'], undefined, ...shared]);
    expect(found[0]).toMatchObject({ from: claims[0]?.payer, to: merchant.address, amount: 10_000n });
    expect(calls).toMatchObject({ eth_getLogs: 1, eth_getTransactionReceipt: 2 });
  });

  test('of other money are none', async () => {
    const [payment] = await paymentsTo(setup, merchants(1));
    const claim = await claimOf(payment ?? expect.fail('a payment'));
    await thief.send(payment ?? expect.fail('a payment'));
    const changes = [{ amount: amount(9_999n) }, { payTo: stranger.address }];
    for (const change of changes) expect((await find([{ ...claim, ...change }])).found).toEqual([undefined]);
  });

  test('are none where the payer canceled, and each further look searches only what is new', async () => {
    const payer = await setup.payer();
    const payment = await offeredPayment({ ...payer, token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 1n });
    const claim = await claimOf(payment);
    await cancelAuthorization(setup, { ...payer, token: BASE_SEPOLIA_USDC, nonce: `0x${claim.claimKey.slice(-64)}` });
    await setup.anvil.mine(100);
    expect((await find([claim])).found).toEqual([undefined]);
    let searched = 0n;
    setup.proxy.use(({ method, params }) => {
      if (method !== 'eth_getLogs') return undefined;
      const [filter] = params as readonly [{ fromBlock: string; toBlock: string }];
      searched = BigInt(filter.toBlock) - BigInt(filter.fromBlock);
      return undefined;
    });
    await evm.chain.findForeignTransfers([claim]);
    expect(searched).toBeLessThan(40n);
  });

  test('are found in the end where the node that was asked for logs was far behind the one that told the height', async () => {
    let nowMs = Date.now();
    const own = setup.network({ clock: { now: () => new Date(nowMs) } });
    const [payment] = await paymentsTo(setup, merchants(1));
    const claim = await claimOf(payment ?? expect.fail('a payment'));
    const { id } = await thief.send(payment ?? expect.fail('a payment'));
    await setup.anvil.mine(100);
    setup.proxy.use(faultOn('eth_getLogs', { kind: 'result', result: [] }));
    expect(await own.chain.findForeignTransfers([claim])).toEqual([undefined]);
    expect((await find([claim], own)).found).toEqual([undefined]);
    // Also where the last narrow search ends after the time of the first one is over.
    nowMs += 599_000;
    setup.proxy.use(({ method }) => {
      if (method === 'eth_getLogs') nowMs += 2_000;
      return undefined;
    });
    expect(await own.chain.findForeignTransfers([claim])).toEqual([undefined]);
    expect((await find([claim], own)).found[0]?.transaction).toBe(id);
  });

  test('count only under as many blocks as are configured', async () => {
    const careful = setup.network({ limits: { confirmations: 3 } });
    const [payment] = await paymentsTo(setup, merchants(1));
    const claim = await claimOf(payment ?? expect.fail('a payment'));
    const { id } = await thief.send(payment ?? expect.fail('a payment'));
    for (const expected of [undefined, undefined, id]) {
      const { found } = await find([claim], careful);
      expect(found[0]?.transaction).toBe(expected);
      await setup.anvil.mine();
    }
  });

  test('count only where the chain has the block in which the receipt says they are', async () => {
    const [payment] = await paymentsTo(setup, merchants(1));
    const claim = await claimOf(payment ?? expect.fail('a payment'));
    const { id } = await thief.send(payment ?? expect.fail('a payment'));
    const elsewhere = (receipt: unknown) => ({ ...(receipt as object), blockHash: `0x${'5'.repeat(64)}` });
    setup.proxy.use(faultOn('eth_getTransactionReceipt', { kind: 'alter', change: elsewhere }));
    expect(await evm.chain.findForeignTransfers([claim])).toEqual([undefined]);
    expect((await find([claim])).found[0]?.transaction).toBe(id);
  });

  test('are found on a chain without Multicall3 too', async () => {
    const payments = await paymentsTo(setup, merchants(3));
    const claims = await Promise.all(payments.map(claimOf));
    const { id } = await thief.send(payments[1] ?? expect.fail('a payment'));
    await setup.anvil.rpc('anvil_setCode', [MULTICALL3_ADDRESS, '0x']);
    const { found } = await find(claims);
    await setup.anvil.rpc('anvil_setCode', [MULTICALL3_ADDRESS, contractCode.multicall3]);
    expect(found.map((effect) => effect?.transaction)).toEqual([undefined, id, undefined]);
  });
});

describe('a search', () => {
  test('goes on in smaller steps when the node refuses so many blocks', async () => {
    const [payment] = await paymentsTo(setup, merchants(1));
    const claim = await claimOf(payment ?? expect.fail('a payment'));
    await setup.anvil.mine(40);
    const { id } = await thief.send(payment ?? expect.fail('a payment'));
    await setup.anvil.mine(40);
    setup.proxy.reset();
    setup.proxy.use(({ method, params }) => {
      if (method !== 'eth_getLogs') return undefined;
      const [filter] = params as readonly [{ fromBlock: string; toBlock: string }];
      const blocks = BigInt(filter.toBlock) - BigInt(filter.fromBlock) + 1n;
      return blocks > 10n ? { kind: 'error', code: -32600, message: 'up to a 10 block range' } : undefined;
    });
    const fresh = setup.network();
    const [found] = await fresh.chain.findForeignTransfers([claim]);
    expect(found?.transaction).toBe(id);
    expect(setup.proxy.calls('eth_getLogs')).toBeLessThan(30);
  });

  test(
    'begins where the authorization was known to be unused, or some minutes ago where nobody knows',
    { timeout: 120_000 },
    async () => {
      const [payment] = await paymentsTo(setup, merchants(1));
      const claim = await claimOf(payment ?? expect.fail('a payment'));
      const { id } = await thief.send(payment ?? expect.fail('a payment'));
      await setup.anvil.mine(1_100);
      const { unusedAtBlock: _unknown, ...undated } = claim;
      expect((await find([undated])).found).toEqual([undefined]);
      expect((await find([claim], setup.network())).found[0]?.transaction).toBe(id);
    },
  );

  test('that the node does not answer, or refuses for a single block, is a fault', async () => {
    const [payment] = await paymentsTo(setup, merchants(1));
    const claim = await claimOf(payment ?? expect.fail('a payment'));
    await thief.send(payment ?? expect.fail('a payment'));
    const refusal = { kind: 'error', code: -32005, message: 'limit exceeded' } as const;
    for (const [method, fault] of [
      ['eth_call', { kind: 'drop' }],
      ['eth_getLogs', { kind: 'drop' }],
      ['eth_getLogs', refusal],
      ['eth_getTransactionReceipt', { kind: 'drop' }],
    ] as const) {
      const remove = setup.proxy.use(faultOn(method, fault));
      const search = evm.chain.findForeignTransfers([claim]);
      await expect(search).rejects.toSatisfy((error) => isFault(error, 'CHAIN_RPC_UNAVAILABLE'));
      remove();
    }
    expect((await find([claim])).found[0]).toMatchObject({ to: merchant.address });
  });
});
