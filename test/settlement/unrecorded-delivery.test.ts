import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest, settle, settleAtLast } from '../support/wire.js';

let facilitator: TestFacilitator;
let owner: pg.Client;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false, env: () => ({ SETTLE_WAIT_MS: '1000' }) });
  owner = new pg.Client({ connectionString: facilitator.database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await facilitator.stop();
});
afterEach(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a success whose delivery cannot be recorded is not sold again meanwhile, and is recorded when it can be', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  await owner.query('ALTER TABLE payment ADD CONSTRAINT outage CHECK (delivered_at IS NULL)');
  const first = await settleAtLast(facilitator.url(), request);
  expect(first.body).toMatchObject({ success: true });
  await owner.query('UPDATE payment SET delivery_lease_until = now()');

  expect((await settle(facilitator.url(), request)).body).toMatchObject({ errorReason: 'settlement_pending' });
  await owner.query('ALTER TABLE payment DROP CONSTRAINT outage');
  await eventually(async () => expect(await undelivered()).toBe(0));

  expect((await settle(facilitator.url(), request)).body).toMatchObject({ errorReason: 'duplicate_settlement' });
});

test('a service that stops records the delivery that it could not record before', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  await owner.query('ALTER TABLE payment ADD CONSTRAINT outage CHECK (delivered_at IS NULL) NOT VALID');
  expect((await settleAtLast(facilitator.url(), request)).body).toMatchObject({ success: true });
  // Long enough for several attempts, so that the next one by itself would come too late.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await owner.query('ALTER TABLE payment DROP CONSTRAINT outage');

  await facilitator.restart();
  expect(await undelivered()).toBe(0);
  expect((await settle(facilitator.url(), request)).body).toMatchObject({ errorReason: 'duplicate_settlement' });
});

async function undelivered(): Promise<number> {
  const { rows } = await owner.query('SELECT FROM payment WHERE delivered_at IS NULL');
  return rows.length;
}
