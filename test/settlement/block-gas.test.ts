import { numberToHex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { settleTogether } from '../support/gather.js';
import { createPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import type { WireRequest } from '../support/wire.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    env: () => ({ REPLACE_AFTER_MS: '1000', SETTLE_WAIT_MS: '60000', EVM_SIGNER_BALANCE_MIN_WEI: '1' }),
    overrides: { tendMs: 200 },
  });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  await resumeTime(facilitator, 'EVM');
  await eventually(async () => expect(await pending()).toEqual([]));
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('what shares a transaction that has become larger than a block is sent again alone, and paid once', async () => {
  const requests = await createRequests(20);
  const before = await tracesOf(facilitator, 'EVM');
  await stopTime(facilitator, 'EVM');
  const answers = await settleTogether(facilitator, requests);
  await eventually(async () => expect(await pending()).toContainEqual({ payments: 19n }));
  await setBlockGas(1_000_000);
  await resumeTime(facilitator, 'EVM');

  const bodies = (await Promise.all(answers)).map(({ body }) => body);
  for (const body of bodies) expect(body).toMatchObject({ success: true });
  expect(new Set(bodies.map(({ transaction }) => transaction)).size).toBe(20);
  const { transfers, credited, payments } = withPayments(before, 20);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
  const given = await facilitator.database.database.sql`
    SELECT FROM chain_transaction WHERE purpose = 'cancellation' AND state = 'included'`;
  expect(given).toHaveLength(1);
});

test('a crowd settles in transactions of half a block where blocks are small', async () => {
  await setBlockGas(2_000_000);
  await facilitator.evm.mine();
  const requests = await createRequests(20);
  const before = await tracesOf(facilitator, 'EVM');
  const answers = await Promise.all(await settleTogether(facilitator, requests));

  for (const { body } of answers) expect(body).toMatchObject({ success: true });
  const { transfers, credited, payments } = withPayments(before, 20);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
  expect(new Set(answers.map(({ body }) => body.transaction)).size).toBeLessThan(10);
});

async function createRequests(count: number): Promise<readonly WireRequest[]> {
  const { evm, wallet } = facilitator;
  const requests: WireRequest[] = [];
  while (requests.length < count) requests.push((await createPayer(evm, { payTo: wallet.evm })).request);
  return requests;
}

async function setBlockGas(gas: number): Promise<void> {
  await facilitator.evm.rpc('evm_setBlockGasLimit', [numberToHex(gas)]);
}

/** The transactions that wait for a block. */
function pending() {
  return facilitator.database.database.sql<{ payments: bigint }>`
    SELECT count(*) AS payments FROM chain_transaction AS sent JOIN transaction_leg AS leg ON leg.transaction_id = sent.id
    WHERE sent.state = 'pending' GROUP BY sent.id`;
}
