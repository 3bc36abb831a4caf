import { BASE_SEPOLIA_USDC, sandboxKeys, testUsdcAbi } from '@tollkeeper/sandbox';
import { encodeFunctionData } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { createPayer, meddle, type TestPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { evmRequest, settle } from '../support/wire.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  const env = () => ({ PAYER_FAILURES_MAX: '2', REPLACE_AFTER_MS: '600000' });
  facilitator = await startTestFacilitator({ svm: false, env });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  await resumeTime(facilitator, 'EVM');
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a payer with 32 payments in flight waits with the next ones until there are fewer', async () => {
  const { payer, answers } = await flood(34);
  await resumeTime(facilitator, 'EVM');
  for (const answer of answers) expect((await answer).body).toMatchObject({ success: true });
  expect(await countSigned(payer)).toBe(34);
});

test('a payer that empties its account makes no more than 32 payments fail at our cost', async () => {
  const { payer, answers } = await flood(34);
  const args = [sandboxKeys.evm.stranger.address, 340_000n] as const;
  const data = encodeFunctionData({ abi: testUsdcAbi, functionName: 'transfer', args });
  await meddle(facilitator.evm, { from: payer.address, data });
  await resumeTime(facilitator, 'EVM');
  for (const answer of answers) expect((await answer).body).toMatchObject({ success: false });
  expect(await countSigned(payer)).toBe(32);
});

/** One payer settles many payments that no block takes; answers when the ones that may be are signed, and a while has passed. */
async function flood(count: number) {
  const payTo = facilitator.wallet.evm;
  const payer = await createPayer(facilitator.evm, { payTo });
  await facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to: payer.address, amount: 10_000n * BigInt(count - 1) });
  await stopTime(facilitator, 'EVM');
  const offer = { payTo, privateKey: payer.privateKey };
  const requests = await Promise.all(Array.from({ length: count }, () => evmRequest(offer)));
  const answers = requests.map((request) => settle(facilitator.url(), request));
  await eventually(async () => expect(await countSigned(payer)).toBeGreaterThanOrEqual(32));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await countSigned(payer)).toBe(32);
  return { payer, answers };
}

async function countSigned({ address }: TestPayer): Promise<number> {
  const rows = await facilitator.database.database.sql`
    SELECT FROM payment JOIN transaction_leg AS leg ON leg.payment_id = payment.id WHERE payer = ${address}`;
  return rows.length;
}
