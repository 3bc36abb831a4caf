import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { evmRequest, settle, svmRequest, verify } from '../support/wire.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator();
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
});

const onBothChains = [
  { chain: 'EVM', request: () => evmRequest({ payTo: facilitator.wallet.evm }) },
  { chain: 'Solana', request: () => svmRequest(facilitator.svm, { payTo: facilitator.wallet.svm }) },
];

test.each(onBothChains)('a payment on $chain is settled, credited once and answered once', async ({ request }) => {
  const body = await request();
  expect((await verify(facilitator.url(), body)).body).toMatchObject({ isValid: true });

  const first = await settle(facilitator.url(), body);
  expect(first).toMatchObject({ status: 200, body: { success: true, amount: '10000' } });

  const again = await settle(facilitator.url(), body);
  expect(again).toMatchObject({
    status: 200,
    body: { success: false, errorReason: 'duplicate_settlement', transaction: first.body.transaction },
  });
  expect(again.body.extra).toEqual(first.body.extra);
  expect((await verify(facilitator.url(), body)).body).toMatchObject({
    isValid: false,
    invalidReason: 'duplicate_settlement',
  });
});
