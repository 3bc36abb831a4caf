import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { families, freshRequest, settle, settleAtLast, settleWithoutOutcome, verify } from '../support/wire.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ env: () => ({ SETTLE_WAIT_MS: '1000' }) });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
});

describe.each(families)('a payment on %s that takes longer than the wait', (family) => {
  test('is answered as pending, then as settled once, then as a duplicate', async () => {
    const request = await freshRequest(facilitator, family);
    const before = await tracesOf(facilitator, family);
    await stopTime(facilitator, family);

    const pending = await settleWithoutOutcome(facilitator.url(), request);
    expect(pending).toMatchObject({
      status: 200,
      body: {
        success: false,
        errorReason: 'settlement_pending',
        transaction: expect.stringMatching(/^\w{64,}$/) as string,
        network: request.paymentRequirements['network'],
        extra: { paymentState: 'in_flight' },
      },
    });
    expect((await verify(facilitator.url(), request)).body).toMatchObject({ isValid: true });
    // A stock server repeats a pending settlement once, without a pause.
    expect((await settle(facilitator.url(), request)).body).toEqual(pending.body);

    await resumeTime(facilitator, family);
    const { transaction, extra } = pending.body;
    const settled = await settleAtLast(facilitator.url(), request);
    expect(settled.body).toMatchObject({ success: true, transaction, extra: { paymentId: extra?.['paymentId'] } });
    expect((await settle(facilitator.url(), request)).body).toMatchObject({
      success: false,
      errorReason: 'duplicate_settlement',
      transaction,
      extra: { paymentId: extra?.['paymentId'], paymentState: 'settled' },
    });
    expect((await verify(facilitator.url(), request)).body).toMatchObject({ isValid: false });
    expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
  });
});
