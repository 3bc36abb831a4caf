import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { freshRequest, settle } from '../support/wire.js';

let facilitator: TestFacilitator;
let owner: pg.Client;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
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

test('a payment that cannot be booked holds up no other, and is booked when it can be', async () => {
  const [poison, healthy] = [await freshRequest(facilitator, 'EVM'), await freshRequest(facilitator, 'EVM')];
  const before = await tracesOf(facilitator, 'EVM');
  const broadcasts = (count: number) =>
    eventually(() => expect(facilitator.evmRpc.calls('eth_sendRawTransaction')).toBe(before.broadcasts + count));

  await stopTime(facilitator, 'EVM');
  const poisoned = settle(facilitator.url(), poison);
  await broadcasts(1);
  await owner.query(`
    DO $$ BEGIN
      EXECUTE format('ALTER TABLE effect ADD CONSTRAINT poison CHECK (payment_id <> %L)', (SELECT id FROM payment));
    END $$`);
  const answer = settle(facilitator.url(), healthy);
  await broadcasts(2);
  await resumeTime(facilitator, 'EVM');

  expect((await answer).body).toMatchObject({ success: true });
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ credited: before.credited + 10_000n });

  await owner.query('ALTER TABLE effect DROP CONSTRAINT poison');
  expect((await poisoned).body).toMatchObject({ success: true });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 2));
});
