import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseSepolia } from '@tollkeeper/protocol';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addressesOfNewMerchant } from '../../../../test/support/merchant-addresses.js';
import type { SentTransaction } from './chain-transactions.js';
import type { PlannedTransaction } from './planned-transaction.js';
import { createSponsorship } from './sponsorship.js';

const network = baseSepolia;
const budget = 100n;
const sponsorship = createSponsorship({ network, dailyBudget: () => budget });

let testDatabase: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await testDatabase.drop();
});

test('all addresses of a merchant share one budget', async () => {
  const [first, second, other] = [
    ...(await addressesOfNewMerchant(owner, network, 2)),
    ...(await addressesOfNewMerchant(owner, network, 1)),
  ] as [string, string, string];
  expect(await charge({ to: [first], fee: 60n })).toEqual([]);
  expect(await charge({ to: [second], fee: 60n })).toEqual([second]);
  expect(await charge({ to: [other], fee: 60n })).toEqual([]);
  expect(await charge({ to: [second], fee: 40n })).toEqual([]);
});

test('an address that is nobody’s has a budget of its own', async () => {
  const [first, second] = [randomUUID(), randomUUID()];
  expect(await charge({ to: [first], fee: budget })).toEqual([]);
  expect(await charge({ to: [first], fee: 1n })).toEqual([first]);
  expect(await charge({ to: [second], fee: budget })).toEqual([]);
});

test('what a merchant’s payments share is counted together, before any of it is spent', async () => {
  const [first, second] = (await addressesOfNewMerchant(owner, network, 2)) as [string, string];
  const stranger = randomUUID();
  expect(await charge({ to: [first, second, stranger], fee: 153n })).toEqual([first, second]);
});

test('a bid is charged whatever is left, and new payments find that much less', async () => {
  const [first, second] = (await addressesOfNewMerchant(owner, network, 2)) as [string, string];
  expect(await charge({ to: [first], fee: 90n })).toEqual([]);
  await chargeBid({ to: [first, second], addedFee: 101n });
  expect(await spentFor(first)).toBe(90n + 102n);
  expect(await charge({ to: [second], fee: 1n })).toEqual([second]);
});

test('what was spent on another day leaves the budget of today as it is', async () => {
  const [yesterday, today] = [randomUUID(), randomUUID()];
  for (const [payTo, daysAgo] of [
    [yesterday, 1],
    [today, 0],
  ] as const) {
    await owner.query(
      `INSERT INTO sponsored_fees (network, beneficiary, day, spent)
       VALUES ($1, $2, (now() AT TIME ZONE 'UTC')::date - $3::integer, $4)`,
      [network, payTo, daysAgo, budget.toString()],
    );
  }
  expect(await charge({ to: [yesterday, today], fee: 2n })).toEqual([today]);
});

/** The payTos that were not charged. */
function charge({ to, fee }: { readonly to: readonly string[]; readonly fee: bigint }): Promise<readonly string[]> {
  const payments = to.map((payTo) => ({ payment: { authorization: { payTo } } }));
  const planned = [{ plan: { maximumFee: fee }, payments }] as unknown as PlannedTransaction[];
  return testDatabase.database.transaction(async (sql) => {
    const unsponsored = await sponsorship.charge(sql, planned);
    return [...unsponsored.keys()].map(({ payment }) => payment.authorization.payTo);
  });
}

function chargeBid({ to, addedFee }: { readonly to: readonly string[]; readonly addedFee: bigint }): Promise<void> {
  const sent = { legs: to.map((payTo) => ({ expected: { payTo } })) } as unknown as SentTransaction;
  return testDatabase.database.transaction((sql) => sponsorship.chargeBid(sql, { sent, addedFee }));
}

async function spentFor(address: string): Promise<bigint> {
  const { rows } = await owner.query<{ spent: string }>(
    `SELECT spent FROM sponsored_fees JOIN wallet ON wallet.merchant_id::text = beneficiary
     JOIN deposit_address ON wallet_id = wallet.id WHERE address = $1`,
    [address],
  );
  return BigInt(rows[0]?.spent ?? -1);
}

/** The addresses of a new merchant's wallets. */
