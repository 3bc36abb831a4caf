import { baseSepolia, isFault, type Payment, systemClock } from '@tollkeeper/protocol';
import {
  BASE_SEPOLIA_USDC,
  contractCode,
  faultOn,
  gasBurnerTokenAbi,
  MULTICALL3_ADDRESS,
  type RpcRule,
  sandboxKeys,
  testUsdcAbi,
  type TokenKind,
} from '@tollkeeper/sandbox';
import { Interface, Transaction } from 'ethers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { offeredPayment, type TransferOffer } from '../../../test/support/evm-payment.js';
import { bareParitySignature, malleatedSignature } from '../../../test/support/evm-signature.js';
import { type EvmSetup, startEvmSetup } from '../../../test/support/evm-setup.js';
import { createEvmNetwork } from './index.js';

const { facilitator, merchant, stranger } = sandboxKeys.evm;
const alone = { signer: facilitator.address, company: [] };
let setup: EvmSetup;
let evm: ReturnType<EvmSetup['network']>;

beforeAll(async () => {
  setup = await startEvmSetup();
  evm = setup.network();
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

type Hex = `0x${string}`;
type Offer = Partial<TransferOffer> & { privateKey: Hex };
const paid = (offer: Offer, changes?: Parameters<typeof offeredPayment>[1]) =>
  offeredPayment({ token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 10_000n, ...offer }, changes);

/** A node that runs no init code, so that nothing is measured: the program has no `to`. */
const refuseProgram: RpcRule = ({ method, params }) => {
  const [call] = params as readonly unknown[];
  const isProgram = method === 'eth_call' && typeof call === 'object' && call !== null && !('to' in call);
  return isProgram ? { kind: 'error', code: -32602, message: 'missing value for required argument "to"' } : undefined;
};

/** A token of the given kind, our side with that token allowed, and a payer who holds it. */
async function withToken(kind: TokenKind, limits = {}) {
  const token = await setup.anvil.deployToken({ kind, name: 'USDC', symbol: 'USDC', version: '2', decimals: 6 });
  const payer = await setup.payer({ token });
  return { token, payer, evm: setup.network({ assets: [token], limits }) };
}

function bySignature(payment: Payment, encode: (signature: string) => string): Payment {
  return { ...payment, payload: { ...payment.payload, signature: encode(String(payment.payload['signature'])) } };
}

describe('a payment that would move the money', () => {
  test('passes every gate, is signed without the node and is seen on chain', async () => {
    const payer = await setup.payer();
    const verified = await evm.verify(await paid(payer));
    const planning = await verified.plan(alone);
    if (!planning.planned) return expect.fail(JSON.stringify(planning.rejection));
    const { plan } = planning;
    expect(plan).toMatchObject({ signer: facilitator.address, ordered: true });
    const nonce = (await evm.chain.nextAccountNonce(plan.signer)) ?? expect.fail('EVM signers count');
    setup.proxy.reset();
    const signed = plan.sign(nonce);
    expect(plan.sign(nonce)).toEqual(signed);
    expect(setup.proxy.calls()).toBe(0);
    expect(() => plan.sign(undefined)).toThrow('account nonce');

    const { asset } = verified.authorization;
    const submitted = { id: signed.id, raw: signed.raw, expected: verified.authorization };
    expect(await evm.chain.observe([submitted])).toEqual([{ state: 'pending' }]);
    expect(await evm.chain.broadcast(signed)).toEqual({ accepted: true });
    await setup.mined(signed.id);
    const [seen] = await evm.chain.observe([submitted]);
    if (seen?.state !== 'transferred') return expect.fail(JSON.stringify(seen));
    // USDC writes AuthorizationUsed first.
    expect(seen.effect).toMatchObject({ transaction: signed.id, position: '1', amount: 10_000n });
    expect(seen.effect).toMatchObject({ from: payer.address, to: merchant.address, asset });
    expect(seen.feePaid).toBeGreaterThan(0n);
    expect(await evm.chain.nextAccountNonce(plan.signer)).toBe(nonce + 1n);
    expect(await evm.chain.tokenBalance({ asset, owner: payer.address })).toBe(990_000n);
  });

  test('costs one call to verify, cold and warm, and none when the signature is wrong', async () => {
    const payer = await setup.payer();
    const cold = setup.network();
    await cold.chain.identify();
    setup.proxy.reset();
    await cold.verify(await paid(payer));
    expect(setup.proxy.counts()).toEqual({ eth_call: 1 });
    await cold.verify(await paid(payer));
    expect(setup.proxy.counts()).toEqual({ eth_call: 2 });
    setup.proxy.reset();
    const stolen = await paid({ ...payer, value: 1n }, { requirements: { extra: { name: 'Other', version: '2' } } });
    const swapped = { ...stolen, requirements: { ...stolen.requirements, extra: { name: 'USDC', version: '2' } } };
    expect((await cold.exact.examine(swapped)).kind).toBe('acceptable');
    const bent = bySignature(stolen, (text) => text.replace(/..$/, '00'));
    expect((await cold.exact.examine(bent)).kind).toBe('refused');
    expect(setup.proxy.calls()).toBe(0);
  });

  test('publishes who signs', () => {
    expect(evm.exact.supported()).toEqual({ signers: [facilitator.address] });
    expect(evm.chain.signers).toEqual([facilitator.address]);
  });
});

describe('a payment that would not execute is refused for the reason that the reference gives', () => {
  test('too little money', async () => {
    const payer = await setup.payer({ amount: 9_999n });
    expect(await evm.rejection(await paid(payer))).toMatchObject({
      reason: 'invalid_exact_evm_insufficient_balance',
      detail: 'The payer holds 9999, less than 10000',
    });
  });

  test('an authorization that is used', async () => {
    const payment = await paid(await setup.payer());
    await evm.send(payment);
    expect(await evm.rejection(payment)).toMatchObject({ reason: 'invalid_exact_evm_nonce_already_used' });
  });

  test.each([
    ['name', { name: 'USD Coin' }],
    ['version', { version: '1' }],
  ])("another %s than the token's", async (field, domain) => {
    const payer = await setup.payer();
    const reason = `invalid_exact_evm_token_${field}_mismatch`;
    expect(await evm.rejection(await paid({ ...payer, ...domain }))).toMatchObject({ reason });
  });

  test('a token without EIP-3009', async () => {
    const plain = await withToken('plain');
    const rejection = await plain.evm.rejection(await paid({ ...plain.payer, token: plain.token }));
    expect(rejection).toMatchObject({ reason: 'invalid_exact_evm_eip3009_not_supported' });
  });

  test('an asset without a contract', async () => {
    const token = '0x00000000000000000000000000000000000000ff';
    const payment = await paid({ ...(await setup.payer()), token });
    expect(await setup.network({ assets: [token] }).rejection(payment)).toMatchObject({
      reason: 'asset_not_deployed_contract',
    });
  });

  test.each([
    ['malleated', malleatedSignature, "ECRecover: invalid signature 's' value"],
    ['with v of 0 or 1', bareParitySignature, "ECRecover: invalid signature 'v' value"],
  ])('a signature %s, which the token does not take', async (_name, encode, word) => {
    const payment = bySignature(await paid(await setup.payer()), encode);
    expect(await evm.rejection(payment)).toEqual({
      reason: 'invalid_exact_evm_transaction_simulation_failed',
      detail: `The transfer does not execute within 300000 gas: ${word}`,
    });
  });

  test('a payer whom the token has blacklisted', async () => {
    const payer = await setup.payer();
    const data = calldata(testUsdcAbi, 'blacklist', [payer.address]);
    await setup.anvil.asTokenOwner({ to: BASE_SEPOLIA_USDC, data });
    expect(await evm.rejection(await paid(payer))).toMatchObject({
      reason: 'invalid_exact_evm_transaction_simulation_failed',
      detail: expect.stringContaining('Blacklistable: account is blacklisted') as string,
    });
  });

  test.each([
    ['a smart wallet', contractCode.multicall3],
    ['an account that delegates (EIP-7702)', `0xef0100${'11'.repeat(20)}` as Hex],
  ])('%s as the payer', async (_name, code) => {
    const payer = await setup.payer();
    await setup.anvil.rpc('anvil_setCode', [payer.address, code]);
    expect(await evm.rejection(await paid(payer))).toMatchObject({
      reason: 'invalid_exact_evm_signature',
      detail: expect.stringContaining('smart contract') as string,
    });
  });

  test('a token that would burn more gas than we pay for', async () => {
    const burner = await withToken('gas-burner');
    await burnGas(burner.token, 400_000n);
    expect(await burner.evm.rejection(await paid({ ...burner.payer, token: burner.token }))).toMatchObject({
      reason: 'invalid_exact_evm_transaction_simulation_failed',
    });
  });

  test('on a chain without Multicall3 too', async () => {
    await setup.anvil.rpc('anvil_setCode', [MULTICALL3_ADDRESS, '0x']);
    try {
      const payer = await setup.payer({ amount: 0n });
      expect(await evm.rejection(await paid(payer))).toMatchObject({
        reason: 'invalid_exact_evm_insufficient_balance',
      });
    } finally {
      await setup.anvil.rpc('anvil_setCode', [MULTICALL3_ADDRESS, contractCode.multicall3]);
    }
  });
});

describe('trouble with the node is no verdict', () => {
  test('when eth_call breaks', async () => {
    const payment = await evm.accept(await paid(await setup.payer()));
    setup.proxy.use(faultOn('eth_call', { kind: 'drop' }));
    await expect(payment.verify()).rejects.toSatisfy((error) => isFault(error, 'CHAIN_RPC_UNAVAILABLE'));
  });

  test('when the node refuses to simulate', async () => {
    const payment = await evm.accept(await paid(await setup.payer()));
    setup.proxy.use(faultOn('eth_call', { kind: 'error', code: -32005, message: 'limit exceeded' }));
    await expect(payment.verify()).rejects.toSatisfy((error) => isFault(error, 'CHAIN_RPC_UNAVAILABLE'));
  });

  test.each([
    ['state behind', 2],
    ['second look at', 3],
    ['diagnosis of', 4],
  ])('when the %s a failed simulation breaks', async (_name, ordinal) => {
    const payment = await evm.accept(await paid({ ...(await setup.payer()), name: 'USD Coin' }));
    setup.proxy.use(faultOn('eth_call', { kind: 'drop' }, [ordinal]));
    await expect(payment.verify()).rejects.toSatisfy((error) => isFault(error, 'CHAIN_RPC_UNAVAILABLE'));
  });

  test('when fees or gas cannot be read', async () => {
    for (const method of ['eth_estimateGas', 'eth_getBlockByNumber', 'eth_maxPriorityFeePerGas']) {
      const verified = await setup.network().verify(await paid(await setup.payer()));
      const remove = setup.proxy.use(faultOn(method, { kind: 'http-status', status: 502 }));
      await expect(verified.plan(alone)).rejects.toSatisfy((error) => isFault(error, 'CHAIN_RPC_UNAVAILABLE'));
      remove();
      expect((await verified.plan(alone)).planned).toBe(true);
    }
  });
});

describe('a plan', () => {
  test('signs a type-2 transaction of the token, with bounded gas and fees', async () => {
    const { signed } = await evm.sign(await paid(await setup.payer()));
    const transaction = Transaction.from(`0x${Buffer.from(signed.raw).toString('hex')}`);
    expect(transaction).toMatchObject({ type: 2, chainId: 84_532n, to: BASE_SEPOLIA_USDC, value: 0n });
    expect(transaction.from).toBe(facilitator.address);
    expect(transaction.hash).toBe(signed.id);
    expect(transaction.nonce).toBe(Number(signed.accountNonce));
    expect(transaction.gasLimit).toBeLessThan(200_000n);
    const block = (await setup.anvil.rpc('eth_getBlockByNumber', ['latest', false])) as { baseFeePerGas: Hex };
    expect(transaction.maxFeePerGas).toBeGreaterThanOrEqual(2n * BigInt(block.baseFeePerGas));
  });

  test('of the next second costs no look at the fees', async () => {
    let nowMs = Date.now();
    const ours = setup.network({ clock: { now: () => new Date(nowMs) } });
    await ours.chain.identify();
    const planned = async () => (await (await ours.verify(await paid(await setup.payer()))).plan(alone)).planned;
    const feeReads = () => setup.proxy.calls('eth_maxPriorityFeePerGas') + setup.proxy.calls('eth_getBlockByNumber');
    setup.proxy.reset();
    expect([await planned(), await planned()]).toEqual([true, true]);
    expect(feeReads()).toBe(2);
    nowMs += 1000;
    expect(await planned()).toBe(true);
    expect(feeReads()).toBe(4);
  });

  test('costs no estimate of the gas, but one now and then to see whether what is measured holds', async () => {
    const ours = setup.network();
    const planned = async () => (await (await ours.verify(await paid(await setup.payer()))).plan(alone)).planned;
    setup.proxy.reset();
    expect([await planned(), await planned(), await planned()]).toEqual([true, true, true]);
    expect(setup.proxy.calls('eth_estimateGas')).toBe(1);
  });

  test('is refused when the network asks for more than the operator pays, and never offers more than that', async () => {
    const payer = await setup.payer();
    const poor = setup.network({ limits: { maxFeePerGasWei: 1n } });
    expect(await (await poor.verify(await paid(payer))).plan(alone)).toMatchObject({
      planned: false,
      rejection: { reason: 'unexpected_settle_error' },
    });
    // The block that this mints in has exactly this base fee, so that the limit lies between it and twice it.
    await setup.anvil.rpc('anvil_setNextBlockBaseFeePerGas', ['0x3b9aca00']);
    const fresh = await setup.payer();
    const maxFeePerGasWei = 1_100_000_000n;
    const { signed } = await setup.network({ limits: { maxFeePerGasWei } }).sign(await paid(fresh));
    const transaction = Transaction.from(`0x${Buffer.from(signed.raw).toString('hex')}`);
    expect(transaction.maxFeePerGas).toBe(maxFeePerGasWei);
    expect(transaction.maxPriorityFeePerGas).toBeLessThanOrEqual(maxFeePerGasWei);
  });
});

describe('a plan of a payment whose gas could not be measured', () => {
  let ours: ReturnType<EvmSetup['network']>;
  beforeEach(() => {
    ours = setup.network({ onWarning: () => undefined });
    setup.proxy.use(refuseProgram);
  });

  test('is made by an estimate, and travels alone', async () => {
    const verified = await ours.verify(await paid(await setup.payer()));
    expect([verified.room, verified.verifiedAtBlock]).toEqual([undefined, undefined]);
    expect((await verified.plan(alone)).planned).toBe(true);
    expect(setup.proxy.calls('eth_estimateGas')).toBe(1);
    const other = await ours.verify(await paid(await setup.payer()));
    expect(await verified.plan({ ...alone, company: [other] })).toMatchObject({ planned: false });
  });

  test('is refused when the money is gone since the check', async () => {
    const payer = await setup.payer({ amount: 10_000n });
    const [first, second] = [await ours.verify(await paid(payer)), await ours.verify(await paid(payer))];
    expect((await first.plan(alone)).planned).toBe(true);
    await ours.send(await paid(payer));
    expect(await second.plan(alone)).toMatchObject({
      planned: false,
      rejection: { reason: 'invalid_exact_evm_insufficient_balance' },
    });
  });

  test('is refused when the authorization is used since the check', async () => {
    const payment = await paid(await setup.payer());
    const verified = await ours.verify(payment);
    await ours.send(payment);
    expect(await verified.plan(alone)).toMatchObject({ rejection: { reason: 'invalid_exact_evm_nonce_already_used' } });
  });

  test('is refused when the token has begun to burn gas', async () => {
    const burner = await withToken('gas-burner');
    const without = setup.network({ assets: [burner.token], onWarning: () => undefined });
    const verified = await without.verify(await paid({ ...burner.payer, token: burner.token }));
    await burnGas(burner.token, 400_000n);
    expect(await verified.plan(alone)).toMatchObject({
      planned: false,
      rejection: { reason: 'invalid_exact_evm_transaction_simulation_failed' },
    });
  });
});

describe('a network that cannot be', () => {
  const parts = {
    network: baseSepolia,
    rpcUrls: ['http://127.0.0.1:8545'],
    signerKeys: [stranger.privateKey],
    assets: [],
    clock: systemClock,
    onRpcCall: () => undefined,
    onWarning: () => undefined,
  };

  test('is refused without repeating a key', () => {
    const secret = `${stranger.privateKey}0`;
    expect(() => createEvmNetwork({ ...parts, signerKeys: [secret] })).toThrow(/^A signer key is not a secp256k1/);
    expect(() => createEvmNetwork({ ...parts, signerKeys: [] })).toThrow('at least one signer key');
    expect(() => createEvmNetwork({ ...parts, assets: ['USDC'] })).toThrow('"USDC" is not the address of a token');
    expect(() => createEvmNetwork({ ...parts, limits: { confirmations: 0 } })).toThrow('confirmations');
  });
});

function calldata(abi: readonly unknown[], method: string, parameters: readonly unknown[]): Hex {
  return new Interface(JSON.stringify(abi)).encodeFunctionData(method, parameters) as Hex;
}

async function burnGas(token: Hex, amount: bigint): Promise<void> {
  const data = calldata(gasBurnerTokenAbi, 'setGasToBurn', [amount]);
  await setup.anvil.asTokenOwner({ to: token, data });
}
