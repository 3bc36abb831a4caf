import { BASE_SEPOLIA_USDC, sandboxKeys, testUsdcAbi } from '@tollkeeper/sandbox';
import pg from 'pg';
import { encodeFunctionData, numberToHex, type Address } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { evmRequest, freshRequest, settle } from '../support/wire.js';

let facilitator: TestFacilitator;
let owner: pg.Client;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
  owner = new pg.Client({ connectionString: facilitator.database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await facilitator.stop();
});
afterEach(async () => {
  facilitator.evmRpc.reset();
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a payment that cannot be booked holds up no other, and is booked when it can be', async () => {
  const [poison, healthy] = [await freshRequest(facilitator, 'EVM'), await freshRequest(facilitator, 'EVM')];
  const before = await tracesOf(facilitator, 'EVM');
  const broadcasts = (count: number) =>
    eventually(() => expect(facilitator.evmRpc.transactions()).toBe(before.broadcasts + count));

  await stopTime(facilitator, 'EVM');
  const poisoned = settle(facilitator.url(), poison);
  await broadcasts(1);
  await owner.query(`
    DO $$ BEGIN
      EXECUTE format('ALTER TABLE effect ADD CONSTRAINT poison CHECK (payment_id <> %L)', (SELECT id FROM payment));
    END $$`);
  const answer = settle(facilitator.url(), healthy);
  await broadcasts(2);
  await resumeTime(facilitator, 'EVM');

  expect((await answer).body).toMatchObject({ success: true });
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ credited: before.credited + 10_000n });

  await owner.query('ALTER TABLE effect DROP CONSTRAINT poison');
  expect((await poisoned).body).toMatchObject({ success: true });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 2));
});

test('a payment that the node cannot tell about holds up no other, and is concluded when it can', async () => {
  const privateKey = generatePrivateKey();
  const payer = privateKeyToAddress(privateKey);
  await facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to: payer, amount: 10_000n });
  const reverting = await evmRequest({ payTo: facilitator.wallet.evm, privateKey });
  const healthy = await freshRequest(facilitator, 'EVM');
  const broadcasts = (count: number) => eventually(() => expect(facilitator.evmRpc.transactions()).toBe(count));
  await stopTime(facilitator, 'EVM');
  const failed = settle(facilitator.url(), reverting);
  await broadcasts(1);
  await spend(payer);
  const answer = settle(facilitator.url(), healthy);
  await broadcasts(2);
  // From now on asked by nothing but what became of a transaction that reverted.
  let refused = 0;
  const answerAgain = facilitator.evmRpc.use(({ method, params }) => {
    if (method !== 'eth_call' || !JSON.stringify(params).includes(authorizationState)) return undefined;
    refused += 1;
    return { kind: 'error', code: -32_000, message: 'too many requests' };
  });
  await resumeTime(facilitator, 'EVM');

  expect((await answer).body).toMatchObject({ success: true });
  await eventually(() => expect(refused).toBeGreaterThan(0));
  answerAgain();
  expect((await failed).body).toMatchObject({ errorReason: 'invalid_exact_evm_transaction_failed' });
});

/** The selector of the call that asks a token whether an authorization is used. */
const authorizationState = 'e94a0102';

/** Sends the money elsewhere, for a fee that puts it before ours in the block. */
async function spend(from: Address): Promise<void> {
  const { evm } = facilitator;
  const args = [sandboxKeys.evm.stranger.address, 10_000n] as const;
  const data = encodeFunctionData({ abi: testUsdcAbi, functionName: 'transfer', args });
  const fee = numberToHex(100_000_000_000n);
  await evm.rpc('anvil_setBalance', [from, numberToHex(10n ** 18n)]);
  await evm.rpc('anvil_impersonateAccount', [from]);
  await evm.rpc('eth_sendTransaction', [
    { from, to: BASE_SEPOLIA_USDC, data, gas: '0x20000', maxFeePerGas: fee, maxPriorityFeePerGas: fee },
  ]);
}
