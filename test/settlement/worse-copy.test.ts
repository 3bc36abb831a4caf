import { afterAll, beforeAll, expect, test } from 'vitest';
import { malleatedSignature } from '../support/evm-signature.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { evmRequest, settle, type WireRequest } from '../support/wire.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
});
afterAll(() => facilitator.stop());

test('a copy that the token does not take spoils nothing for those who hold a good one', async () => {
  const good = await evmRequest({ payTo: facilitator.wallet.evm });
  const copies = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? malleated(good) : good));
  const answers = await Promise.all(copies.map((copy) => settle(facilitator.url(), copy)));

  const outcomes = answers.map(({ body }) => (body.success ? 'success' : body.errorReason));
  expect(outcomes.filter((outcome) => outcome === 'success')).toHaveLength(1);
  const honest = outcomes.filter((_, index) => index % 2 === 1);
  expect(honest.every((outcome) => outcome === 'success' || outcome === 'duplicate_settlement')).toBe(true);
  expect(await facilitator.bookProblems()).toEqual([]);
});

function malleated(request: WireRequest): WireRequest {
  const { payload } = request.paymentPayload;
  const signature = malleatedSignature(String(payload['signature']));
  return { ...request, paymentPayload: { ...request.paymentPayload, payload: { ...payload, signature } } };
}
