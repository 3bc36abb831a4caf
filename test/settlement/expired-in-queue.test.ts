import { createRpcGate, faultOn } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { waitingIn } from '../support/gather.js';
import { createPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { settle } from '../support/wire.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
});
afterAll(() => facilitator.stop());

test('what may expire before a block takes it is not signed after it has waited, alone or in company, and its company is', async () => {
  const validBefore = BigInt(Math.floor(Date.now() / 1000) + 9);
  const [opener, expiring, ...lasting] = await Promise.all([
    requestOf(validBefore),
    requestOf(validBefore),
    requestOf(),
    requestOf(),
  ]);
  const before = await tracesOf(facilitator, 'EVM');
  const gate = createRpcGate();
  const pass = facilitator.evmRpc.use(faultOn('eth_maxPriorityFeePerGas', { kind: 'hold', gate }));
  const late = [settle(facilitator.url(), opener)];
  await eventually(() => expect(gate.waiting()).toBe(1));
  late.push(settle(facilitator.url(), expiring));
  const inTime = lasting.map((request) => settle(facilitator.url(), request));
  await eventually(async () => expect(await waitingIn(facilitator.url())).toBe(3));
  // Less than the six seconds of a settlement are left.
  await eventually(() => expect(BigInt(Math.floor(Date.now() / 1000))).toBeGreaterThan(validBefore - 6n));
  pass();
  gate.open();

  for (const answer of late) {
    expect((await answer).body).toMatchObject({
      success: false,
      errorReason: 'invalid_exact_evm_payload_authorization_valid_before',
    });
  }
  for (const answer of inTime) expect((await answer).body).toMatchObject({ success: true });
  expect(await tracesOf(facilitator, 'EVM')).toEqual({
    ...withPayments(before, 2),
    broadcasts: before.broadcasts + 1,
  });
  expect(await facilitator.bookProblems()).toEqual([]);
});

async function requestOf(validBefore?: bigint) {
  const offer = { payTo: facilitator.wallet.evm, ...(validBefore === undefined ? {} : { validBefore }) };
  return (await createPayer(facilitator.evm, offer)).request;
}
