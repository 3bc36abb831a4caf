import { afterAll, beforeAll, expect, test } from 'vitest';
import pg from 'pg';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest, settle, settleWithoutOutcome, verify } from '../support/wire.js';

let facilitator: TestFacilitator;
let owner: pg.Client;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    env: () => ({ SETTLE_WAIT_MS: '1000' }),
    // Nothing becomes final and nothing is brought back while this test plays the reorg.
    overrides: { finalityPollMs: 3_600_000 },
  });
  owner = new pg.Client({ connectionString: facilitator.database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await facilitator.stop();
});

test('a success that nobody has got yet is not handed out while a reorg has taken the money back', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  await stopTime(facilitator, 'EVM');
  const pending = (await settleWithoutOutcome(facilitator.url(), request)).body;
  expect(pending).toMatchObject({ errorReason: 'settlement_pending' });
  await resumeTime(facilitator, 'EVM');
  await eventually(async () => {
    expect((await owner.query(`SELECT FROM payment WHERE state = 'settled'`)).rowCount).toBe(1);
  });

  await owner.query('UPDATE effect SET reversed_at = now()');
  expect((await settle(facilitator.url(), request)).body).toMatchObject({ errorReason: 'settlement_pending' });
  await owner.query('UPDATE effect SET reversed_at = NULL');
  expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
});

test('a success that nobody has got before a reorg took the money for good is a failure', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  await stopTime(facilitator, 'EVM');
  const pending = (await settleWithoutOutcome(facilitator.url(), request)).body;
  expect(pending).toMatchObject({ errorReason: 'settlement_pending' });
  await resumeTime(facilitator, 'EVM');
  const paymentId = pending.extra?.['paymentId'];
  await eventually(async () => {
    const lost = 'UPDATE effect SET reversed_at = now(), lost_at = now() WHERE payment_id = $1';
    expect((await owner.query(lost, [paymentId])).rowCount).toBe(1);
  });
  expect((await verify(facilitator.url(), request)).body).toMatchObject({ isValid: false });
  expect((await settle(facilitator.url(), request)).body).toMatchObject({
    success: false,
    errorReason: 'unexpected_settle_error',
    extra: { paymentState: 'unused' },
  });
});
