import { type BoundedClaim, isFault, type Payment } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cancelAuthorization } from '../../../../test/support/evm-cancellation.js';
import { offeredPayment } from '../../../../test/support/evm-payment.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import { paymentsTo } from '../../../../test/support/evm-sharing.js';

const { merchant } = sandboxKeys.evm;
/** A block is final under so many others. */
const blocksToFinality = 16;

let setup: EvmSetup;
let evm: ReturnType<EvmSetup['network']>;

beforeAll(async () => {
  setup = await startEvmSetup({ slotsInAnEpoch: 8 });
  evm = setup.network();
  await evm.chain.identify();
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

async function claimOf(payment: Payment, validBefore: bigint): Promise<BoundedClaim> {
  const { authorization, verifiedAtBlock } = await evm.verify(payment);
  return { ...authorization, unusedAtBlock: verifiedAtBlock ?? expect.fail('the block is told'), validBefore };
}

async function onePayment(): Promise<Payment> {
  const [payment] = await paymentsTo(setup, [merchant.address]);
  return payment ?? expect.fail('a payment');
}

const areVoid = (claims: readonly BoundedClaim[]) => evm.chain.areVoid?.(claims) ?? expect.fail('EVM tells');
const never = 10n ** 12n;

describe('an authorization', () => {
  test('that is unused is void when a final block is past its expiry', async () => {
    const { timestamp } = (await setup.anvil.rpc('eth_getBlockByNumber', ['latest', false])) as { timestamp: string };
    const validBefore = BigInt(timestamp) + 2n;
    const claims = [await claimOf(await onePayment(), validBefore), await claimOf(await onePayment(), never)];
    expect(await areVoid(claims)).toEqual([false, false]);
    await setup.anvil.rpc('evm_increaseTime', [10]);
    await setup.anvil.mine(1);
    expect(await areVoid(claims)).toEqual([false, false]);
    await setup.anvil.mine(blocksToFinality);
    expect(await areVoid(claims)).toEqual([true, false]);
  });

  test('that moved the money is not void, and one that was canceled is when that is final', async () => {
    const used = await onePayment();
    const payer = await setup.payer();
    const canceled = await offeredPayment({ ...payer, token: BASE_SEPOLIA_USDC, payTo: merchant.address, value: 1n });
    const claims = [await claimOf(used, 0n), await claimOf(canceled, never)];
    await evm.send(used);
    const nonce = `0x${claims[1]?.claimKey.slice(-64) ?? ''}` as const;
    await cancelAuthorization(setup, { ...payer, token: BASE_SEPOLIA_USDC, nonce });
    expect((await areVoid(claims))[1]).toBe(false);
    await setup.anvil.mine(blocksToFinality);
    expect(await areVoid(claims)).toEqual([false, true]);
  });

  test('that is unused is asked about together with two hundred others: two requests', async () => {
    const claim = await claimOf(await onePayment(), 0n);
    await setup.anvil.mine(blocksToFinality);
    setup.proxy.reset();
    expect(new Set(await areVoid(Array.from({ length: 200 }, () => claim)))).toEqual(new Set([true]));
    expect(setup.proxy.counts()).toEqual({ eth_call: 1, eth_getBlockByNumber: 1 });
  });

  test('is not void where the token does not tell, and a node that does not answer is a fault', async () => {
    const claim = await claimOf(await onePayment(), 0n);
    await setup.anvil.mine(blocksToFinality);
    setup.proxy.use(({ method }) =>
      method === 'eth_call' ? { kind: 'error', code: 3, message: 'execution reverted' } : undefined,
    );
    expect(await areVoid([claim])).toEqual([false]);
    setup.proxy.reset();
    setup.proxy.use(faultOn('eth_call', { kind: 'drop' }));
    await expect(areVoid([claim])).rejects.toSatisfy((error) => isFault(error, 'CHAIN_RPC_UNAVAILABLE'));
    setup.proxy.reset();
    expect(await areVoid([claim])).toEqual([true]);
  });
});
