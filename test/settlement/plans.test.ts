import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest, settle } from '../support/wire.js';

/** Tables that gain rows with every payment. */
const growing = ['payment', 'chain_transaction', 'transaction_leg', 'effect', 'journal', 'transfer'];

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
});
afterAll(() => facilitator.stop());

test('no statement of a settlement reads a whole table, however young the tables were when it was planned', async () => {
  for (let count = 0; count < 12; count += 1) await settleOne();
  const before = await scans();
  for (let count = 0; count < 12; count += 1) await settleOne();
  // The server counts a scan a second late.
  await eventually(async () => expect((await scans()).byIndex).toBeGreaterThan(before.byIndex));
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect((await scans()).whole).toEqual(before.whole);
});

async function settleOne(): Promise<void> {
  const { body } = await settle(facilitator.url(), await freshRequest(facilitator, 'EVM'));
  expect(body).toMatchObject({ success: true });
}

async function scans() {
  const rows = await facilitator.database.database.sql<{ name: string; whole: bigint; byIndex: bigint }>`
    SELECT relname AS name, seq_scan AS whole, idx_scan AS "byIndex" FROM pg_stat_user_tables
    WHERE relname = ANY(${growing}::text[]) ORDER BY relname`;
  expect(rows.map(({ name }) => name)).toEqual(growing.toSorted());
  return {
    whole: rows.map(({ name, whole }) => `${name} ${whole}`),
    byIndex: rows.reduce((sum, row) => sum + row.byIndex, 0n),
  };
}
