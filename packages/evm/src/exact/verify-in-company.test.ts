import {
  type AcceptablePayment,
  baseSepolia,
  isFault,
  type Payment,
  systemClock,
  type Verdict,
} from '@tollkeeper/protocol';
import {
  BASE_SEPOLIA_USDC,
  contractCode,
  createRpcGate,
  gasBurnerTokenAbi,
  type RpcFault,
  type RpcRule,
  sandboxKeys,
  testUsdcAbi,
  type TokenKind,
} from '@tollkeeper/sandbox';
import { Interface } from 'ethers';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../../test/support/eventually.js';
import { offeredPayment, type TransferOffer } from '../../../../test/support/evm-payment.js';
import { bareParitySignature, malleatedSignature } from '../../../../test/support/evm-signature.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import { createEvmNetwork } from '../index.js';

const { facilitator, merchant } = sandboxKeys.evm;
let setup: EvmSetup;

beforeAll(async () => {
  setup = await startEvmSetup();
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

type Hex = `0x${string}`;
type Offer = Partial<TransferOffer> & { privateKey: Hex };
const paid = (offer: Offer) =>
  offeredPayment({ token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 10_000n, ...offer });

/** Our side of the chain, with its warnings. */
function open(parts: { assets?: readonly string[]; now?: () => Date; rpcTimeoutMs?: number } = {}) {
  const warnings: string[] = [];
  const { chain, schemes } = createEvmNetwork({
    network: baseSepolia,
    rpcUrls: [setup.proxy.url],
    signerKeys: [facilitator.privateKey],
    assets: parts.assets ?? [BASE_SEPOLIA_USDC],
    clock: parts.now === undefined ? systemClock : { now: parts.now },
    onRpcCall: () => undefined,
    onWarning: (message) => warnings.push(message),
    limits: { rpcTimeoutMs: parts.rpcTimeoutMs ?? 20_000 },
  });
  async function examine(payment: Payment): Promise<AcceptablePayment> {
    const examination = (await schemes[0]?.examine(payment)) ?? expect.fail('no scheme');
    if (examination.kind !== 'acceptable') return expect.fail(JSON.stringify(examination.rejection));
    return examination.payment;
  }
  const verify = async (payment: Payment): Promise<Verdict> => (await examine(payment)).verify();
  return { examine, verify, warnings, identify: () => chain.identify() };
}

/** Good payments by payers of their own. */
async function goodPayments(count: number): Promise<Payment[]> {
  return Promise.all(Array.from({ length: count }, async () => paid(await setup.payer())));
}

/** Applies to simulations in company only: the program has no `to`. */
const onProgram = (fault: RpcFault, isMeant: (ordinal: number) => boolean = () => true): RpcRule => {
  let ordinal = 0;
  return ({ method, params }) => {
    const [call] = params as readonly unknown[];
    if (method !== 'eth_call' || typeof call !== 'object' || call === null || 'to' in call) return undefined;
    ordinal += 1;
    return isMeant(ordinal) ? fault : undefined;
  };
};
const refusal: RpcFault = { kind: 'error', code: -32602, message: 'missing value for required argument "to"' };

const withoutPayment = (verdict: Verdict) => (verdict.valid ? 'valid' : verdict.rejection);
const isUnavailable = (error: unknown) => isFault(error, 'CHAIN_RPC_UNAVAILABLE');

describe('64 verifications at once', () => {
  test('share a handful of calls, and all are right', async () => {
    const payments = await goodPayments(64);
    const ours = open();
    await ours.identify();
    setup.proxy.reset();
    const verdicts = await Promise.all(payments.map((payment) => ours.verify(payment)));
    expect(verdicts.every(({ valid }) => valid)).toBe(true);
    expect(setup.proxy.counts()).toEqual({ eth_call: 1 });
  });

  test('that come one after the other cost at most a tenth of a call each', async () => {
    const payments = await goodPayments(64);
    const ours = open();
    await ours.identify();
    setup.proxy.reset();
    const gate = createRpcGate();
    setup.proxy.use(onProgram({ kind: 'hold', gate }));
    const verdicts: Promise<Verdict>[] = [];
    for (const payment of await Promise.all(payments.map(ours.examine))) {
      verdicts.push(payment.verify());
      await new Promise((resolve) => setImmediate(resolve));
    }
    gate.open();
    expect((await Promise.all(verdicts)).every(({ valid }) => valid)).toBe(true);
    expect(setup.proxy.calls()).toBeLessThanOrEqual(6);
  });
});

describe('64 payments that fail', () => {
  test('because their payers have no money share a handful of calls too', async () => {
    const payments = await Promise.all(Array.from({ length: 64 }, async () => paid(await setup.payer({ amount: 0n }))));
    const ours = open();
    await ours.identify();
    setup.proxy.reset();
    const verdicts = await Promise.all(payments.map((payment) => ours.verify(payment)));
    const reasons = verdicts.map((verdict) => (verdict.valid ? 'valid' : verdict.rejection.reason));
    expect(new Set(reasons)).toEqual(new Set(['invalid_exact_evm_insufficient_balance']));
    expect(setup.proxy.calls()).toBeLessThanOrEqual(6);
  });

  test('for reasons that only a simulation of each could tell are simulated a few at a time', async () => {
    const payer = await setup.payer();
    const payments = await Promise.all(Array.from({ length: 64 }, () => paid({ ...payer, name: 'USD Coin' })));
    const ours = open();
    await ours.identify();
    setup.proxy.reset();
    const gate = createRpcGate();
    setup.proxy.use(({ method, params }) => {
      const [call] = params as readonly { to?: string }[];
      return method === 'eth_call' && call?.to === BASE_SEPOLIA_USDC ? { kind: 'hold', gate } : undefined;
    });
    const verdicts = Promise.all(payments.map((payment) => ours.verify(payment)));
    await eventually(() => expect(gate.waiting()).toBeGreaterThanOrEqual(32));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(gate.waiting()).toBe(32);
    gate.open();
    expect((await verdicts).every(({ valid }) => !valid)).toBe(true);
  });
});

const tokenOf = (kind: TokenKind) =>
  setup.anvil.deployToken({ kind, name: 'USDC', symbol: 'USDC', version: '2', decimals: 6 });

/** Has the owner of a token call it. */
async function asOwner(to: Hex, abi: readonly unknown[], [method, ...values]: readonly [string, ...unknown[]]) {
  const data = new Interface(JSON.stringify(abi)).encodeFunctionData(method, values) as Hex;
  await setup.anvil.asTokenOwner({ to, data });
}

async function burnerOf(gas: bigint): Promise<Hex> {
  const token = await tokenOf('gas-burner');
  await asOwner(token, gasBurnerTokenAbi, ['setGasToBurn', gas]);
  return token;
}

function resigned(payment: Payment, encode: (signature: string) => string): Payment {
  return { ...payment, payload: { ...payment.payload, signature: encode(String(payment.payload['signature'])) } };
}

/** Payments of every kind that the chain's state decides about, some of which touch the same accounts. */
async function manyKinds(): Promise<{ payments: readonly Payment[]; assets: readonly string[] }> {
  const tokens = {
    burner: await burnerOf(400_000n),
    greedy: await burnerOf(150_000n),
    silent: await tokenOf('silent'),
    fee: await tokenOf('fee'),
    trap: await tokenOf('trap'),
    plain: await tokenOf('plain'),
    paused: await tokenOf('usdc'),
  };
  const nowhere = '0x00000000000000000000000000000000000000ff';
  const ofEachToken = await Promise.all(
    Object.values(tokens).map(async (token) => paid({ ...(await setup.payer({ token })), token })),
  );
  await asOwner(tokens.paused, testUsdcAbi, ['pause']);

  const [rich, tight, broke, wallet, delegating, blacklisted] = await Promise.all([
    setup.payer(),
    setup.payer({ amount: 15_000n }),
    setup.payer({ amount: 0n }),
    setup.payer(),
    setup.payer(),
    setup.payer(),
  ]);
  await setup.anvil.rpc('anvil_setCode', [wallet.address, contractCode.multicall3]);
  await setup.anvil.rpc('anvil_setCode', [delegating.address, `0xef0100${'22'.repeat(20)}`]);
  await asOwner(BASE_SEPOLIA_USDC, testUsdcAbi, ['blacklist', blacklisted.address]);
  const used = await paid(rich);
  await setup.network().send(used);

  const payments = await Promise.all([
    ...[rich, rich, tight, tight, broke, wallet, delegating, blacklisted].map((payer) => paid(payer)),
    paid({ ...rich, payTo: broke.address, value: 500_000n }),
    paid({ ...rich, payTo: tight.address }),
    paid({ ...broke, payTo: rich.address }),
    paid({ ...rich, value: 1_000_001n }),
    paid({ ...rich, name: 'USD Coin' }),
    paid({ ...rich, version: '1' }),
    paid({ ...broke, token: nowhere }),
    paid(rich).then((payment) => resigned(payment, bareParitySignature)),
  ]);
  return {
    payments: [...payments, ...ofEachToken, used],
    assets: [BASE_SEPOLIA_USDC, nowhere, ...Object.values(tokens)],
  };
}

describe('in company', () => {
  test('every payment gets the verdict that it gets alone, whoever is beside it', async () => {
    const { payments, assets } = await manyKinds();
    const alone = open({ assets });
    setup.proxy.use(onProgram(refusal));
    const expected = new Map<Payment, unknown>();
    for (const payment of payments) expected.set(payment, withoutPayment(await alone.verify(payment)));
    setup.proxy.reset();
    const reasons = [...expected.values()].map((found) => (found as { reason?: string }).reason ?? 'valid');
    expect(new Set(reasons).size).toBe(9);

    const ours = open({ assets });
    const company = fc.array(fc.constantFrom(...payments), { minLength: 1, maxLength: 48 });
    await fc.assert(
      fc.asyncProperty(company, async (guests) => {
        const verdicts = await Promise.all(guests.map((payment) => ours.verify(payment)));
        expect(verdicts.map(withoutPayment)).toEqual(guests.map((payment) => expected.get(payment)));
      }),
      { numRuns: 12 },
    );
    expect(ours.warnings).toEqual([]);
  }, 120_000);

  test('a malleated signature is refused beside the good one', async () => {
    const payment = await paid(await setup.payer());
    const ours = open();
    const verdicts = await Promise.all([payment, resigned(payment, malleatedSignature)].map(ours.verify));
    expect(verdicts.map(({ valid }) => valid)).toEqual([true, false]);
  });
});

describe('a node that does not run programs', () => {
  test('is asked in the old way, warned about once, and tried again later', async () => {
    const payments = await goodPayments(4);
    const broke = await paid(await setup.payer({ amount: 0n }));
    let nowMs = Date.now();
    const ours = open({ now: () => new Date(nowMs) });
    const verdicts = async () => (await Promise.all([...payments, broke].map(ours.verify))).map(({ valid }) => valid);
    const right = [true, true, true, true, false];
    let programs = 0;
    setup.proxy.use(onProgram(refusal, () => (programs += 1) > 0));
    for (let round = 0; round < 2; round += 1) expect(await verdicts()).toEqual(right);
    expect(programs).toBe(2);
    nowMs += 31_000;
    expect(await verdicts()).toEqual(right);
    expect(programs).toBe(4);
    expect(ours.warnings).toHaveLength(1);
    nowMs += 31_000;
    setup.proxy.reset();
    expect(await verdicts()).toEqual(right);
    expect(setup.proxy.calls('eth_call')).toBeLessThan(payments.length);
  });

  test('for once is asked again at once, and payments go on together', async () => {
    const payments = await goodPayments(4);
    const ours = open();
    await ours.identify();
    setup.proxy.reset();
    setup.proxy.use(onProgram({ kind: 'error', code: -32603, message: 'Internal error' }, (ordinal) => ordinal === 1));
    const verdicts = async () => (await Promise.all(payments.map(ours.verify))).map(({ valid }) => valid);
    expect(await verdicts()).toEqual([true, true, true, true]);
    const before = setup.proxy.calls();
    expect(await verdicts()).toEqual([true, true, true, true]);
    expect(setup.proxy.calls() - before).toBe(1);
    expect(ours.warnings).toEqual([]);
  });

  test.each<[string, RpcFault]>([
    ['answers nonsense', { kind: 'result', result: '0x00112233' }],
    ['answers nothing', { kind: 'result', result: '0x' }],
    ['says that the program reverted', { kind: 'error', code: 3, message: 'execution reverted', data: '0x' }],
    ['has no gas for it', { kind: 'error', code: -32000, message: 'out of gas' }],
  ])('or %s changes no verdict', async (_name, fault) => {
    const [good, broke] = [await paid(await setup.payer()), await paid(await setup.payer({ amount: 0n }))];
    setup.proxy.use(onProgram(fault));
    const ours = open();
    const verdicts = await Promise.all([good, broke].map(ours.verify));
    expect(verdicts.map(({ valid }) => valid)).toEqual([true, false]);
  });

  test('and no plain calls either is in trouble: each caller is told so, and it is not asked for each of them', async () => {
    const payments = await goodPayments(10);
    const ours = open();
    await ours.identify();
    setup.proxy.reset();
    setup.proxy.use(({ method }) =>
      method === 'eth_call' ? { kind: 'error', code: -32603, message: 'Internal error' } : undefined,
    );
    const outcomes = await Promise.allSettled(payments.map(ours.verify));
    expect(outcomes.every((outcome) => outcome.status === 'rejected' && isUnavailable(outcome.reason))).toBe(true);
    expect(setup.proxy.calls()).toBe(2);
    expect(ours.warnings).toEqual([]);
    setup.proxy.reset();
    expect((await Promise.all(payments.map(ours.verify))).every(({ valid }) => valid)).toBe(true);
    expect(setup.proxy.calls()).toBe(1);
  });
});

describe('a fault in the middle of it', () => {
  test.each<[string, RpcFault]>([
    ['a broken connection', { kind: 'drop' }],
    ['a lost answer', { kind: 'lose-reply', afterMs: 10 }],
    ['an error of the server', { kind: 'http-status', status: 502 }],
  ])('%s reaches each caller of the call that broke, and no other', async (_name, fault) => {
    const payments = await goodPayments(20);
    const ours = open();
    const gate = createRpcGate();
    setup.proxy.use(onProgram(fault, (ordinal) => ordinal === 3));
    setup.proxy.use(onProgram({ kind: 'hold', gate }, (ordinal) => ordinal <= 2));
    // Two calls are held at the gate, the second one after it lost patience with the first; the rest travels in the third.
    const held = [];
    for (const [index, payment] of payments.slice(0, 2).entries()) {
      held.push(ours.verify(payment));
      await eventually(() => expect(gate.waiting()).toBe(index + 1));
    }
    const rest = payments.slice(2).map(ours.verify);
    const settled = Promise.allSettled([...held, ...rest]);
    gate.open();
    const [first, second, ...broken] = await settled;
    expect([first?.status, second?.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(broken.every((each) => each.status === 'rejected' && isUnavailable(each.reason))).toBe(true);
    expect((await Promise.all(payments.map(ours.verify))).every(({ valid }) => valid)).toBe(true);
  });

  test('a node that is silent leaves nobody hanging', async () => {
    const payments = await goodPayments(8);
    const ours = open({ rpcTimeoutMs: 3_000 });
    const remove = setup.proxy.use(onProgram({ kind: 'delay', ms: 60_000 }));
    const outcomes = await Promise.allSettled(payments.map(ours.verify));
    expect(outcomes.every((each) => each.status === 'rejected' && isUnavailable(each.reason))).toBe(true);
    remove();
    expect((await Promise.all(payments.map(open().verify))).every(({ valid }) => valid)).toBe(true);
  });
});
