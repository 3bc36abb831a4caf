import { amount, type Observation, type SubmittedTransaction } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, faultOn, gasBurnerTokenAbi, sandboxKeys, testUsdcAbi } from '@tollkeeper/sandbox';
import { Interface } from 'ethers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cancelAuthorization } from '../../../../test/support/evm-cancellation.js';
import { offeredPayment } from '../../../../test/support/evm-payment.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import { mine, paymentsTo, signTogether, signVerified } from '../../../../test/support/evm-sharing.js';

const { facilitator2, merchant, stranger } = sandboxKeys.evm;
let setup: EvmSetup;
let evm: ReturnType<EvmSetup['network']>;
/** Another facilitator, whose transactions are none of ours. */
let other: ReturnType<EvmSetup['network']>;

beforeAll(async () => {
  setup = await startEvmSetup();
  evm = setup.network();
  other = setup.network({ signerKey: facilitator2.privateKey });
  await setup.anvil.mint({ token: BASE_SEPOLIA_USDC, to: merchant.address, amount: 1n });
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

const named = { name: 'USDC', symbol: 'USDC', version: '2', decimals: 6 };
const merchants = (count: number) => Array.from({ length: count }, () => merchant.address);

async function look(submitted: readonly SubmittedTransaction[], side = evm): Promise<readonly Observation[]> {
  return side.chain.observe(submitted);
}

const reasonOf = (observation: Observation | undefined) =>
  observation?.state === 'failed' || observation?.state === 'expired'
    ? observation.rejection.reason
    : observation?.state;

const positionOf = (observation: Observation | undefined) =>
  observation?.state === 'transferred' ? observation.effect.position : undefined;

type Hex = `0x${string}`;

/** Has the owner of a token call it. */
async function asOwner(token: Hex, abi: readonly unknown[], [method, ...values]: readonly [string, ...unknown[]]) {
  const data = new Interface(JSON.stringify(abi)).encodeFunctionData(method, values) as Hex;
  await setup.anvil.asTokenOwner({ to: token, data });
}

describe('of two hundred payments in one transaction', () => {
  test('each has its own log, and all of them cost one receipt', async () => {
    const { signed, submitted } = await signTogether(evm, await paymentsTo(setup, merchants(200)));
    await look(submitted);
    await mine(setup, evm, signed);
    setup.proxy.reset();
    const observations = await look(submitted);
    expect(observations.map(positionOf)).toEqual(submitted.map((_, index) => (2 * index + 1).toString()));
    expect(setup.proxy.counts()).toEqual({ eth_getBlockByNumber: 1, eth_getTransactionReceipt: 1 });
    const costs = observations.map((observation) => ('feePaid' in observation ? observation.feePaid : 0n));
    expect(new Set(costs).size).toBe(1);
    expect(costs[0]).toBeGreaterThan(0n);
  });

  test('that are equal but for their nonces, each has a log of its own', async () => {
    const payer = await setup.payer();
    const offer = { ...payer, token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 10_000n };
    const payments = await Promise.all(Array.from({ length: 20 }, () => offeredPayment(offer)));
    const { signed, submitted } = await signTogether(evm, payments);
    await mine(setup, evm, signed);
    const positions = (await look(submitted)).map(positionOf);
    expect(new Set(positions).size).toBe(20);
    // One of them alone, as after a restart, finds the same log.
    for (const index of [19, 7])
      expect(positionOf((await look(submitted.slice(index, index + 1)))[0])).toBe(positions[index]);
  });
});

describe('a payment that fails among others', () => {
  test('is failed, and the others are not', async () => {
    const payments = await paymentsTo(setup, merchants(5));
    const { signed, submitted } = await signTogether(evm, payments);
    await asOwner(BASE_SEPOLIA_USDC, testUsdcAbi, ['blacklist', submitted[3]?.expected.payer]);
    await mine(setup, evm, signed);
    const observations = await look(submitted);
    expect(observations.map(reasonOf)).toEqual([
      ...['transferred', 'transferred', 'transferred'],
      'invalid_exact_evm_transaction_failed',
      'transferred',
    ]);
    expect(observations[3]).toMatchObject({ rejection: { detail: expect.stringContaining('shared') as string } });
  });

  test.each([0, 1])('does not pass for an equal one that did not, whichever stands first (%i)', async (failing) => {
    const payer = await setup.payer();
    const offer = { ...payer, token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 10_000n };
    const block = (await setup.anvil.rpc('eth_getBlockByNumber', ['latest', false])) as { timestamp: Hex };
    const soon = BigInt(Math.ceil(Math.max(Number(block.timestamp), Date.now() / 1000))) + 30n;
    const payments = await Promise.all([offeredPayment(offer), offeredPayment({ ...offer, validBefore: soon })]);
    const { signed, submitted } = await signTogether(evm, failing === 0 ? payments.toReversed() : payments);
    await setup.anvil.rpc('evm_increaseTime', [60]);
    await mine(setup, evm, signed);
    const expected = ['transferred', 'transferred'].with(failing, 'invalid_exact_evm_transaction_failed');
    expect((await look(submitted)).map(reasonOf)).toEqual(expected);
  });

  test('because somebody else had sent it is settled by that transfer', async () => {
    const payments = await paymentsTo(setup, merchants(4));
    const { signed, submitted } = await signTogether(evm, payments);
    const [stolen] = payments;
    const foreign = await other.send(stolen ?? expect.fail('a payment'));
    await mine(setup, evm, signed);
    const observations = await look(submitted);
    expect(observations.map(reasonOf)).toEqual(Array.from({ length: 4 }, () => 'transferred'));
    const transactions = observations.map((each) =>
      each.state === 'transferred' ? each.effect.transaction : undefined,
    );
    expect(transactions).toEqual([foreign.id, signed.id, signed.id, signed.id]);
    expect(observations[0]).toMatchObject({ effect: { position: '1', amount: 10_000n, to: merchant.address } });
  });

  test('by burning all gas takes all of them along, but for what somebody else had sent', async () => {
    const token = await setup.anvil.deployToken({ kind: 'gas-burner', ...named });
    const ours = setup.network({ assets: [token, BASE_SEPOLIA_USDC] });
    const plain = await paymentsTo(setup, merchants(3));
    const { signed, submitted } = await signTogether(ours, [
      ...(await paymentsTo(setup, merchants(1), token)),
      ...plain,
    ]);
    const foreign = await other.send(plain[1] ?? expect.fail('a payment'));
    await asOwner(token, gasBurnerTokenAbi, ['setGasToBurn', 10_000_000n]);
    expect(await mine(setup, ours, signed)).toMatchObject({ succeeded: false });
    const observations = await look(submitted, ours);
    const failed = 'invalid_exact_evm_transaction_failed';
    expect(observations.map(reasonOf)).toEqual([failed, failed, 'transferred', failed]);
    expect(observations[2]).toMatchObject({ effect: { transaction: foreign.id } });
    expect(observations[3]).toMatchObject({ rejection: { detail: 'The transaction reverted on chain' } });
  });
});

describe('a payment that somebody else had sent', () => {
  /** Ours, which has failed, as a network sees it whose clock can be set. */
  async function overtaken() {
    const clock = { nowMs: Date.now() };
    const ours = setup.network({ clock: { now: () => new Date(clock.nowMs) } });
    const payments = await paymentsTo(setup, merchants(2));
    const { signed, submitted } = await signTogether(ours, payments);
    await other.send(payments[0] ?? expect.fail('a payment'));
    await mine(setup, ours, signed);
    const height = BigInt((await setup.anvil.rpc('eth_blockNumber', [])) as Hex);
    const state = async () => (await look(submitted, ours)).map(reasonOf);
    return { clock, state, height };
  }

  test('has not failed while the logs lack its use, which they do where a node is behind, but not for ever', async () => {
    const { clock, state } = await overtaken();
    const behind = setup.proxy.use(faultOn('eth_getLogs', { kind: 'result', result: [] }));
    expect(await state()).toEqual(['pending', 'transferred']);
    clock.nowMs += 9_000;
    expect(await state()).toEqual(['pending', 'transferred']);
    clock.nowMs += 2_000;
    expect(await state()).toEqual(['invalid_exact_evm_transaction_failed', 'transferred']);
    behind();
    expect(await state()).toEqual(['transferred', 'transferred']);
  });

  test('has not failed by the word of a node that lacks the block in which ours did', async () => {
    const { state, height } = await overtaken();
    const unused = setup.proxy.use(faultOn('eth_call', { kind: 'result', result: '0x' }));
    const result = `0x${(height - 1n).toString(16)}`;
    const behind = setup.proxy.use(faultOn('eth_blockNumber', { kind: 'result', result }));
    expect(await state()).toEqual(['pending', 'transferred']);
    unused();
    behind();
    expect(await state()).toEqual(['transferred', 'transferred']);
  });

  test('has failed at once where its payer took it back', async () => {
    const payer = await setup.payer();
    const offer = { ...payer, token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 1n };
    const payments = [await offeredPayment(offer), ...(await paymentsTo(setup, merchants(1)))];
    const { signed, submitted } = await signTogether(evm, payments);
    const nonce: Hex = `0x${submitted[0]?.expected.claimKey.slice(-64) ?? ''}`;
    await cancelAuthorization(setup, { ...payer, token: BASE_SEPOLIA_USDC, nonce });
    await mine(setup, evm, signed);
    for (let count = 0; count < 2; count += 1) {
      expect((await look(submitted)).map(reasonOf)).toEqual(['invalid_exact_evm_transaction_failed', 'transferred']);
      // Behind the blocks that the next search begins with.
      await setup.anvil.mine(40);
    }
  });
});

describe('a token that misbehaves among others', () => {
  test('is silent: its payment is failed for what its logs lack', async () => {
    const token = await setup.anvil.deployToken({
      kind: 'silent',
      name: 'USDC',
      symbol: 'U',
      version: '2',
      decimals: 6,
    });
    const ours = setup.network({ assets: [token, BASE_SEPOLIA_USDC] });
    const payments = [...(await paymentsTo(setup, merchants(1), token)), ...(await paymentsTo(setup, merchants(2)))];
    const { signed, submitted } = await signTogether(ours, payments);
    await mine(setup, ours, signed);
    const observations = await look(submitted, ours);
    const mismatch = 'invalid_exact_evm_transfer_event_mismatch';
    expect(observations.map(reasonOf)).toEqual([mismatch, 'transferred', 'transferred']);
  });

  test('is paused: all of its payments failed', async () => {
    const token = await setup.anvil.deployToken(named);
    const ours = setup.network({ assets: [token, BASE_SEPOLIA_USDC] });
    const payments = [...(await paymentsTo(setup, merchants(2), token)), ...(await paymentsTo(setup, merchants(1)))];
    const verified = await Promise.all(payments.map((payment) => ours.verify(payment)));
    const { signed, submitted } = await signVerified(ours, verified);
    await asOwner(token, testUsdcAbi, ['pause']);
    await mine(setup, ours, signed);
    const failed = 'invalid_exact_evm_transaction_failed';
    expect((await look(submitted, ours)).map(reasonOf)).toEqual([failed, failed, 'transferred']);
  });

  test('moves other money than expected: that is no evidence', async () => {
    const { signed, submitted } = await signTogether(evm, await paymentsTo(setup, merchants(2)));
    await mine(setup, evm, signed);
    const [first, second] = submitted;
    if (first === undefined || second === undefined) return expect.fail('two payments');
    const changed = { ...first, expected: { ...first.expected, amount: amount(9_999n) } };
    const elsewhere = { ...second, expected: { ...second.expected, payTo: stranger.address } };
    const mismatch = 'invalid_exact_evm_transfer_event_mismatch';
    expect((await look([changed, elsewhere])).map(reasonOf)).toEqual([mismatch, mismatch]);
  });
});
