import { numberToHex } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest, settle } from '../support/wire.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    env: () => ({
      REPLACE_AFTER_MS: '1000',
      SETTLE_WAIT_MS: '60000',
      EVM_SIGNER_BALANCE_MIN_WEI: '1',
      EVM_DAILY_BUDGET_WEI: (10n ** 15n).toString(),
    }),
    overrides: { tendMs: 200 },
  });
});
afterAll(() => facilitator.stop());

test('what a stuck transaction is outbid with is charged to the day’s budget', async () => {
  await stopTime(facilitator, 'EVM');
  const answer = settle(facilitator.url(), await freshRequest(facilitator, 'EVM'));
  await eventually(() => expect(facilitator.evmRpc.transactions()).toBeGreaterThan(0));
  await facilitator.evm.rpc('anvil_setNextBlockBaseFeePerGas', [numberToHex(100_000_000_000n)]);
  await resumeTime(facilitator, 'EVM');
  expect((await answer).body).toMatchObject({ success: true });
  await eventually(async () => expect(await feesPaid()).toBeGreaterThan(10n ** 15n));
  expect(await feesCharged()).toBeGreaterThanOrEqual(await feesPaid());

  const next = await settle(facilitator.url(), await freshRequest(facilitator, 'EVM'));
  expect(next.body).toMatchObject({ success: false, errorMessage: expect.stringContaining('budget') as string });
});

async function feesPaid(): Promise<bigint> {
  const { sql } = facilitator.database.database;
  const [row] = await sql<{ paid: bigint }>`SELECT coalesce(sum(fee_paid), 0) AS paid FROM chain_transaction`;
  return row?.paid ?? 0n;
}

async function feesCharged(): Promise<bigint> {
  const [row] = await facilitator.database.database.sql<{ spent: bigint }>`SELECT spent FROM sponsored_fees`;
  return row?.spent ?? 0n;
}
