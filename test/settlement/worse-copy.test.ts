import { createRpcGate, faultOn } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { malleatedSignature } from '../support/evm-signature.js';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { evmRequest, settle, type WireRequest } from '../support/wire.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
});
afterAll(() => facilitator.stop());

test('a copy that the token does not take, and that came first, spoils nothing for who holds a good one', async () => {
  const good = await evmRequest({ payTo: facilitator.wallet.evm });
  const gate = createRpcGate();
  facilitator.evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));

  const worse = settle(facilitator.url(), malleated(good));
  await eventually(() => expect(gate.waiting()).toBe(1));
  const better = settle(facilitator.url(), good);
  await eventually(async () => {
    expect(await metricOf(facilitator.url(), 'tollkeeper_settlements_in_flight', { state: 'claimed' })).toBe(1);
  });
  gate.open();

  expect((await worse).body).toMatchObject({
    success: false,
    errorReason: 'invalid_exact_evm_transaction_simulation_failed',
  });
  expect((await better).body).toMatchObject({ success: true });
  expect(await facilitator.bookProblems()).toEqual([]);
});

function malleated(request: WireRequest): WireRequest {
  const { payload } = request.paymentPayload;
  const signature = malleatedSignature(String(payload['signature']));
  return { ...request, paymentPayload: { ...request.paymentPayload, payload: { ...payload, signature } } };
}
