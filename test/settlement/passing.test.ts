import { sandboxKeys, type EvmChain } from '@tollkeeper/sandbox';
import { numberToHex, type Hex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { settleTogether } from '../support/gather.js';
import { createPayer, meddle, moveAway, type TestPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest, settle } from '../support/wire.js';

const signer = sandboxKeys.evm.facilitator.address;
const merchant = sandboxKeys.evm.merchant.address;
const dailyBudget = 10n ** 17n;
const gwei = 1_000_000_000n;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    env: () => ({
      REPLACE_AFTER_MS: '600000',
      EVM_SIGNER_BALANCE_MIN_WEI: '1',
      EVM_MAX_FEE_PER_GAS_WEI: (50n * gwei).toString(),
      EVM_DAILY_BUDGET_WEI: dailyBudget.toString(),
    }),
    overrides: { tendMs: 200 },
  });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a payment that lost its place does not end because the network is dear at that moment', async () => {
  const { evm, evmRpc } = facilitator;
  const request = await freshRequest(facilitator, 'EVM');
  await stopTime(facilitator, 'EVM');
  evmRpc.use(({ method }) =>
    method === 'eth_sendRawTransaction' ? { kind: 'error', code: -32_000, message: 'txpool is full' } : undefined,
  );
  const answer = settle(facilitator.url(), request);
  await eventually(async () => expect(await countPending()).toBe(1));
  const fee = numberToHex(900n * gwei);
  await evm.rpc('eth_sendTransaction', [
    { from: signer, to: signer, value: '0x1', maxFeePerGas: fee, maxPriorityFeePerGas: fee },
  ]);
  await evm.rpc('anvil_setNextBlockBaseFeePerGas', [numberToHex(300n * gwei)]);
  await resumeTime(facilitator, 'EVM');
  evmRpc.reset();
  await eventually(async () => expect(await countRetries()).toBe(1));
  await refusedOnce();
  expect(await countRetries()).toBe(1);

  await evm.rpc('anvil_setNextBlockBaseFeePerGas', [numberToHex(gwei)]);
  await evm.mine(1);
  expect((await answer).body).toMatchObject({ success: true });
});

test('a failure in company does not end because the day’s budget is spent', async () => {
  const payers: TestPayer[] = [];
  for (let count = 0; count < 4; count += 1) {
    payers.push(await createPayer(facilitator.evm, { payTo: facilitator.wallet.evm }));
  }
  const unlucky = payers[1] as TestPayer;
  const broadcasts = facilitator.evmRpc.transactions();
  await stopTime(facilitator, 'EVM');
  const answers = await settleTogether(
    facilitator,
    payers.map(({ request }) => request),
  );
  await eventually(() => expect(facilitator.evmRpc.transactions()).toBeGreaterThanOrEqual(broadcasts + 2));
  // The money is away when our transaction runs, and back right behind it in the same block.
  await meddle(facilitator.evm, moveAway(unlucky, merchant));
  await meddle(
    facilitator.evm,
    { ...moveAway(unlucky, unlucky.address), from: merchant },
    await lowPrice(facilitator.evm),
  );
  await spend(dailyBudget);
  await resumeTime(facilitator, 'EVM');
  await eventually(async () => expect(await countRetries()).toBe(1));
  await refusedOnce();
  expect(await countRetries()).toBe(1);

  await spend(0n);
  for (const answer of answers) expect((await answer).body).toMatchObject({ success: true });
});

/** The lease of a retry that was refused runs out soon; of one that nobody has tried yet, late. */
async function refusedOnce(): Promise<void> {
  await eventually(async () => {
    const rows = await facilitator.database.database.sql`
      SELECT FROM payment WHERE retry_alone AND lease_until < now() + interval '3 seconds'`;
    expect(rows).toHaveLength(1);
  });
}

async function countRetries(): Promise<number> {
  return (await facilitator.database.database.sql`SELECT FROM payment WHERE retry_alone`).length;
}

async function countPending(): Promise<number> {
  return (await facilitator.database.database.sql`SELECT FROM chain_transaction WHERE state = 'pending'`).length;
}

async function spend(spent: bigint): Promise<void> {
  await facilitator.database.database.sql`UPDATE sponsored_fees SET spent = ${spent}`;
}

async function lowPrice(evm: EvmChain): Promise<bigint> {
  const { baseFeePerGas } = (await evm.rpc('eth_getBlockByNumber', ['latest', false])) as { baseFeePerGas: Hex };
  return BigInt(baseFeePerGas) + BigInt((await evm.rpc('eth_maxPriorityFeePerGas', [])) as Hex) / 2n;
}
