import { type SignedTransaction, type SubmittedTransaction, isFault } from '@tollkeeper/protocol';
import { faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { Transaction } from 'ethers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import { paymentsTo, signTogether } from '../../../../test/support/evm-sharing.js';

const { facilitator, facilitator2, merchant } = sandboxKeys.evm;
let setup: EvmSetup;
let evm: ReturnType<EvmSetup['network']>;

beforeAll(async () => {
  setup = await startEvmSetup();
});
beforeEach(async () => {
  evm = setup.network({ signerKeys: [facilitator.privateKey, facilitator2.privateKey] });
  await setup.anvil.rpc('evm_setAutomine', [true]);
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

/** A transaction of several payments that waits in the node's pool. */
async function stuck(signer: string = facilitator.address) {
  const payments = await paymentsTo(setup, [merchant.address, merchant.address, merchant.address]);
  const { signed, submitted } = await signTogether(evm, payments, signer);
  await setup.anvil.rpc('evm_setAutomine', [false]);
  expect(await evm.chain.broadcast(signed)).toEqual({ accepted: true });
  return { signed, submitted };
}

async function replace(sent: SignedTransaction, purpose: 'again' | 'cancel', side = evm): Promise<SignedTransaction> {
  const plan = (await side.chain.replace(sent, purpose)) ?? expect.fail('it can be replaced');
  expect(plan).toMatchObject({ signer: sent.signer, ordered: true });
  const signed = plan.sign(sent.accountNonce);
  const { gasLimit, maxFeePerGas } = read(signed);
  expect(plan.maximumFee).toBe(gasLimit * (maxFeePerGas ?? 0n));
  return signed;
}

const read = ({ raw }: SignedTransaction) => Transaction.from(`0x${Buffer.from(raw).toString('hex')}`);

async function statesOf(submitted: readonly SubmittedTransaction[]): Promise<readonly string[]> {
  return (await evm.chain.observe(submitted)).map(({ state }) => state);
}

async function setBaseFee(wei: bigint): Promise<void> {
  await setup.anvil.rpc('anvil_setNextBlockBaseFeePerGas', [`0x${wei.toString(16)}`]);
}

test('the same call again takes the place of what waits, for at least an eighth more', async () => {
  const { signed, submitted } = await stuck(facilitator2.address);
  const again = await replace(signed, 'again');
  const [before, after] = [read(signed), read(again)];
  expect(after).toMatchObject({ data: before.data, to: before.to, gasLimit: before.gasLimit, nonce: before.nonce });
  expect(after.from).toBe(facilitator2.address);
  for (const fee of ['maxFeePerGas', 'maxPriorityFeePerGas'] as const) {
    expect(after[fee]).toBeGreaterThanOrEqual(((before[fee] ?? 0n) * 9n) / 8n);
  }
  expect(await evm.chain.broadcast(again)).toEqual({ accepted: true });
  await setup.anvil.mine();
  expect(await statesOf(submitted)).toEqual(['pending', 'pending', 'pending']);
  const siblings = submitted.map((each) => ({ ...each, id: again.id, raw: again.raw }));
  expect(await statesOf(siblings)).toEqual(['transferred', 'transferred', 'transferred']);
});

test('nothing at all takes its place too, and moves no money', async () => {
  const { signed, submitted } = await stuck();
  const cancel = await replace(signed, 'cancel');
  expect(read(cancel)).toMatchObject({ to: facilitator.address, data: '0x', value: 0n, gasLimit: 21_000n });
  expect(await evm.chain.broadcast(cancel)).toEqual({ accepted: true });
  await setup.anvil.mine();
  expect(await statesOf(submitted)).toEqual(['pending', 'pending', 'pending']);
  expect(await evm.chain.nextAccountNonce(facilitator.address)).toBe((signed.accountNonce ?? 0n) + 1n);
  const [given] = submitted.map((each) => ({ ...each, id: cancel.id, raw: cancel.raw }));
  expect(await evm.chain.observe(given === undefined ? [] : [given])).toMatchObject([
    { state: 'failed', rejection: { reason: 'invalid_exact_evm_payload_authorization_valid_before' } },
  ]);
});

test('a replacement can be replaced, and offers what the chain asks by then', async () => {
  const { signed } = await stuck();
  await setup.anvil.rpc('anvil_dropTransaction', [signed.id]);
  const offered = read(signed).maxFeePerGas ?? 0n;
  await setBaseFee(3n * offered);
  await setup.anvil.mine();
  const fresh = setup.network();
  const again = read(await replace(signed, 'again', fresh));
  expect(again.maxFeePerGas).toBeGreaterThanOrEqual(5n * offered);
  const third = read(await replace({ ...signed, raw: Buffer.from(again.serialized.slice(2), 'hex') }, 'again', fresh));
  expect(third.maxFeePerGas).toBeGreaterThan(again.maxFeePerGas ?? 0n);
  await setBaseFee(1_000_000_000n);
  await setup.anvil.mine();
});

test('nobody pays more than the operator allows for it', async () => {
  const { signed } = await stuck();
  const offered = read(signed).maxFeePerGas ?? 0n;
  const limited = (maxFeePerGasWei: bigint) => setup.network({ limits: { maxFeePerGasWei } });
  const enough = limited((offered * 9n) / 8n + 1n);
  expect(read(await replace(signed, 'again', enough)).maxFeePerGas).toBe((offered * 9n) / 8n + 1n);
  expect(await limited((offered * 9n) / 8n).chain.replace(signed, 'again')).toBeUndefined();
  expect(await limited(1n).chain.replace(signed, 'cancel')).toBeUndefined();
});

test('what waits at the limit can still be given up, for one step more and no second one', async () => {
  const { signed } = await stuck();
  const offered = read(signed).maxFeePerGas ?? 0n;
  const { chain } = setup.network({ limits: { maxFeePerGasWei: offered } });
  expect(await chain.replace(signed, 'again')).toBeUndefined();
  const cancel =
    (await chain.replace(signed, 'cancel'))?.sign(signed.accountNonce) ?? expect.fail('it can be given up');
  expect(read(cancel).maxFeePerGas).toBe((offered * 9n) / 8n + 1n);
  expect(await chain.broadcast(cancel)).toEqual({ accepted: true });
  expect(await chain.replace(cancel, 'cancel')).toBeUndefined();
  await setup.anvil.mine();
  expect(await chain.nextAccountNonce(facilitator.address)).toBe((signed.accountNonce ?? 0n) + 1n);
});

test('what offers many times the price of now is not raised again, and can still be given up', async () => {
  const { signed } = await stuck();
  let last: SignedTransaction = signed;
  const raise = async () => (await evm.chain.replace(last, 'again'))?.sign(signed.accountNonce);
  for (let next = await raise(); next !== undefined; next = await raise()) last = next;
  const [first, dearest] = [read(signed), read(last)].map(({ maxPriorityFeePerGas }) => maxPriorityFeePerGas ?? 0n);
  expect(dearest).toBeGreaterThanOrEqual(8n * (first ?? 0n));
  expect(dearest).toBeLessThan(10n * (first ?? 0n));
  await replace(last, 'cancel');
});

test('nobody offers more than the signer has', async () => {
  const { signed } = await stuck();
  const { gasLimit, maxFeePerGas } = read(await replace(signed, 'again'));
  const cost = gasLimit * (maxFeePerGas ?? 0n);
  const leave = (wei: bigint) => setup.anvil.rpc('anvil_setBalance', [facilitator.address, `0x${wei.toString(16)}`]);
  await leave(cost);
  await replace(signed, 'again');
  await leave(cost - 1n);
  expect(await evm.chain.replace(signed, 'again')).toBeUndefined();
  await replace(signed, 'cancel');
  await leave(10n ** 24n);
});

test('what others signed, and what the node does not tell, is no plan', async () => {
  const { signed } = await stuck();
  const foreign = { ...signed, signer: merchant.address };
  await expect(evm.chain.replace(foreign, 'again')).rejects.toThrow('does not sign for us');
  setup.proxy.use(faultOn('eth_getBlockByNumber', { kind: 'drop' }));
  const fresh = setup.network();
  await expect(fresh.chain.replace(signed, 'again')).rejects.toSatisfy((error) =>
    isFault(error, 'CHAIN_RPC_UNAVAILABLE'),
  );
});
