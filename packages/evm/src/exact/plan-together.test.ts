import { BASE_SEPOLIA_USDC, contractCode, faultOn, MULTICALL3_ADDRESS, sandboxKeys } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { privateKeyToAddress, generatePrivateKey } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { offeredPayment } from '../../../../test/support/evm-payment.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import { mine, paymentsTo, signTogether, signVerified } from '../../../../test/support/evm-sharing.js';

const { facilitator, facilitator2, merchant } = sandboxKeys.evm;
const signer = facilitator.address;
let setup: EvmSetup;
let evm: ReturnType<EvmSetup['network']>;

beforeAll(async () => {
  setup = await startEvmSetup({ gasLimit: 60_000_000n });
  evm = setup.network({ signerKeys: [facilitator.privateKey, facilitator2.privateKey] });
  await setup.anvil.mint({ token: BASE_SEPOLIA_USDC, to: merchant.address, amount: 1n });
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

const newAddress = () => privateKeyToAddress(generatePrivateKey());
const times = <Value>(count: number, make: () => Value) => Array.from({ length: count }, make);

describe('payments in one transaction', () => {
  test.each([
    [1, 'a merchant who has money', () => merchant.address],
    [1, 'a new one', newAddress],
    [2, 'a merchant who has money', () => merchant.address],
    [2, 'a new one each', newAddress],
    [50, 'a merchant who has money', () => merchant.address],
    [50, 'a new one each', newAddress],
    [180, 'a new one each', newAddress],
    [200, 'a merchant who has money', () => merchant.address],
  ])('%i to %s are all carried out, with gas to spare', async (count, _whom, payee) => {
    const payments = await paymentsTo(setup, times(count, payee));
    const { signed, transaction } = await signTogether(evm, payments);
    const { gasUsed, ...receipt } = await mine(setup, evm, signed);
    // USDC writes two logs for each.
    expect(receipt).toEqual({ succeeded: true, logs: 2 * count });
    expect(transaction.gasLimit).toBeLessThanOrEqual(16_777_216n);
    expect(transaction.gasLimit).toBeLessThan((gasUsed * 7n) / 4n);
    // geth's limit for what it takes into its pool.
    expect(signed.raw.length).toBeLessThan(128 * 1024);
  });

  test('to one merchant cost at most 0.7 of what they cost alone', async () => {
    const payments = await paymentsTo(
      setup,
      times(51, () => merchant.address),
    );
    const [alone, ...together] = payments;
    const lone = await signTogether(evm, alone === undefined ? [] : [alone]);
    const apart = await mine(setup, evm, lone.signed);
    const { gasUsed } = await mine(setup, evm, (await signTogether(evm, together)).signed);
    expect(Number(gasUsed) / 50 / Number(apart.gasUsed)).toBeLessThan(0.7);
  });

  test('have enough gas although all their payees have lost everything since they were verified', async () => {
    const payees = await Promise.all(times(12, () => setup.payer({ amount: 10_000n })));
    const verified = await Promise.all(
      (
        await paymentsTo(
          setup,
          payees.map(({ address }) => address),
        )
      ).map((payment) => evm.verify(payment)),
    );
    const leaving = payees.map((payee) =>
      offeredPayment({ ...payee, token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 10_000n }),
    );
    const away = await signTogether(evm, await Promise.all(leaving));
    expect(await mine(setup, evm, away.signed)).toMatchObject({ logs: 24 });
    const { signed } = await signVerified(evm, verified);
    expect(await mine(setup, evm, signed)).toMatchObject({ succeeded: true, logs: 24 });
  });

  test('are signed by whichever signer of ours is named, and by nobody else', async () => {
    const payments = await paymentsTo(
      setup,
      times(3, () => merchant.address),
    );
    const { transaction } = await signTogether(evm, payments, facilitator2.address);
    expect(transaction.from).toBe(facilitator2.address);
    const [verified] = await Promise.all(payments.map((payment) => evm.verify(payment)));
    await expect(verified?.plan({ signer: merchant.address, company: [] })).rejects.toThrow('does not sign for us');
    expect(evm.exact.supported().signers).toEqual([facilitator.address, facilitator2.address]);
  });

  test('of another network are no company', async () => {
    const [one, other] = await paymentsTo(
      setup,
      times(2, () => merchant.address),
    );
    if (one === undefined || other === undefined) return expect.fail('two payments');
    const stranger = await setup.network().verify(other);
    await expect((await evm.verify(one)).plan({ signer, company: [stranger] })).rejects.toThrow('one network');
  });

  test('are as many as fit: by number, by gas', async () => {
    const sharing = evm.chain.sharing ?? expect.fail('payments may share a transaction');
    expect(sharing).toEqual({ maximumPayments: 200, maximumRoom: 16_777_216n - 81_000n });
    const [payment] = await paymentsTo(setup, [merchant.address]);
    const verified = await evm.verify(payment ?? expect.fail('a payment'));
    const tooMany = await verified.plan({ signer, company: times(200, () => verified) });
    expect(tooMany).toMatchObject({ planned: false, rejection: { reason: 'unexpected_settle_error' } });
    expect(verified.room).toBeLessThan(sharing.maximumRoom / 200n);
    const [dear] = await paymentsTo(setup, [newAddress()]);
    const newcomer = await evm.verify(dear ?? expect.fail('a payment'));
    const fitting = Number(sharing.maximumRoom / (newcomer.room ?? 0n));
    expect(fitting).toBeLessThan(200);
    const planned = async (count: number) =>
      (await newcomer.plan({ signer, company: times(count - 1, () => newcomer) })).planned;
    expect([await planned(fitting), await planned(fitting + 1)]).toEqual([true, false]);
  });
});

describe('where blocks are small', () => {
  const setBlockGas = async (gas: number) => {
    await setup.anvil.rpc('evm_setBlockGasLimit', [numberToHex(gas)]);
    await setup.anvil.mine();
  };
  afterEach(() => setBlockGas(60_000_000));

  test('payments share at most half of one', async () => {
    const ours = setup.network();
    const [payment] = await paymentsTo(setup, [merchant.address]);
    const verified = await ours.verify(payment ?? expect.fail('a payment'));
    await setBlockGas(400_000);
    expect(await verified.plan({ signer, company: [verified] })).toMatchObject({ planned: false });
    expect(ours.chain.sharing).toEqual({ maximumPayments: 200, maximumRoom: 200_000n - 81_000n });
    expect((await verified.plan({ signer, company: [] })).planned).toBe(true);
  });

  test('one that does not fit into a whole one is refused, and what was signed before fits no more', async () => {
    const [payment] = await paymentsTo(setup, [merchant.address]);
    const { signed } = await signTogether(evm, [payment ?? expect.fail('a payment')]);
    const ours = setup.network();
    const verified = await ours.verify(payment ?? expect.fail('a payment'));
    expect(await setup.network().chain.fitsBlock(signed)).toBe(true);
    await setBlockGas(50_000);
    expect(await verified.plan({ signer, company: [] })).toMatchObject({
      planned: false,
      rejection: { reason: 'unexpected_settle_error' },
    });
    expect(await ours.chain.fitsBlock(signed)).toBe(false);
  });
});

describe('where payments share no transaction', () => {
  afterEach(() => setup.anvil.rpc('anvil_setCode', [MULTICALL3_ADDRESS, contractCode.multicall3]));

  test('because Multicall3 is missing, the chain says so at the start, and looks again later', async () => {
    await setup.anvil.rpc('anvil_setCode', [MULTICALL3_ADDRESS, '0x']);
    let nowMs = Date.now();
    const ours = setup.network({ clock: { now: () => new Date(nowMs) } });
    await ours.chain.identify();
    expect(ours.chain.sharing).toBeUndefined();
    await setup.anvil.rpc('anvil_setCode', [MULTICALL3_ADDRESS, contractCode.multicall3]);
    nowMs += 16 * 60_000;
    expect(ours.chain.sharing).toBeDefined();
  });

  test('a plan of several is refused, and each of them goes alone', async () => {
    await setup.anvil.rpc('anvil_setCode', [MULTICALL3_ADDRESS, '0x']);
    const ours = setup.network();
    const payments = await paymentsTo(
      setup,
      times(2, () => merchant.address),
    );
    const [one, other] = await Promise.all(payments.map((payment) => ours.verify(payment)));
    if (one === undefined || other === undefined) return expect.fail('two payments');
    expect(await one.plan({ signer, company: [other] })).toMatchObject({ planned: false });
    expect(ours.chain.sharing).toBeUndefined();
    expect((await other.plan({ signer, company: [] })).planned).toBe(true);
  });
});

describe('a network that charges more gas than the code uses', () => {
  let warnings: string[];
  let ours: ReturnType<EvmSetup['network']>;
  beforeEach(() => {
    warnings = [];
    ours = setup.network({ onWarning: (message) => warnings.push(message) });
    setup.proxy.use(faultOn('eth_estimateGas', { kind: 'result', result: '0x30d40' }));
  });

  test('is believed: gas is estimated for each payment, which travels alone, and a warning is given once', async () => {
    const payments = await paymentsTo(
      setup,
      times(3, () => merchant.address),
    );
    const verified = await Promise.all(payments.map((payment) => ours.verify(payment)));
    const [one, other, last] = verified;
    if (one === undefined || other === undefined || last === undefined) return expect.fail('three payments');
    expect(await one.plan({ signer, company: [other, last] })).toMatchObject({ planned: false });
    for (const each of verified) {
      const { transaction } = await signVerified(ours, [each]);
      expect(transaction.gasLimit).toBe((200_000n * 6n) / 5n + 10_000n);
    }
    expect(warnings).toEqual([expect.stringContaining('charges more gas')]);
  });
});
