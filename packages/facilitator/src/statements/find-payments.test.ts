import { randomUUID } from 'node:crypto';
import type { Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPayments, type PaymentPosition, type PaymentQuery } from './find-payments.js';

const network = 'eip155:84532';
const count = 20_000;
const [merchantId, walletId] = [randomUUID(), randomUUID()];

let testDatabase: TestDatabase;
let payments: readonly Payment[];

interface Payment extends PaymentPosition {
  readonly payer: string;
  readonly state: string;
  readonly token: string;
  readonly at: Date;
  readonly payTo: string;
}

/** Payments to two wallets, some of one moment; those that failed, and those in the rare token, are the oldest. */
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const { sql } = testDatabase.database;
  await sql`INSERT INTO merchant (id, name) VALUES (${merchantId}::uuid, 'acme')`;
  for (const [id, address] of [
    [walletId, '0xone'],
    [randomUUID(), '0xtwo'],
  ] as const) {
    await sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${id}::uuid, ${merchantId}::uuid, ${address})`;
    await sql`
      INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
      VALUES (${network}, ${address}, ${id}::uuid, '', 1)`;
  }
  payments = await sql<Payment>`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, state, failure_reason,
      transaction, claimed_at, concluded_at)
    SELECT gen_random_uuid(), 'claim' || n, 'exact', ${network}, CASE WHEN n > ${count - 7} THEN 'rare' ELSE 'usual' END, n,
      'payer' || n % 2, CASE WHEN n % 3 = 0 THEN '0xone' ELSE '0xtwo' END, 2,
      CASE WHEN n > ${count - 20} THEN 'failed' ELSE 'settled' END,
      CASE WHEN n > ${count - 20} THEN 'insufficient_funds' END, 'hash' || n,
      '2026-11-01T00:00:00Z'::timestamptz - make_interval(secs => n / 3), now()
    FROM generate_series(1, ${count}::integer) AS n
    RETURNING id, payer, state, token, claimed_at AS at, pay_to AS "payTo",
      to_char(claimed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "claimedAt"`;
  const owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
  await owner.query('ANALYZE payment');
  await owner.end();
});
afterAll(() => testDatabase.drop());

const everything = {
  walletId: null,
  payer: null,
  state: null,
  token: null,
  from: null,
  to: null,
  before: null,
  limit: 51,
};

const filters: [string, Partial<PaymentQuery>][] = [
  ['nothing', {}],
  ['a wallet', { walletId }],
  ['a payer', { payer: 'payer1' }],
  ['a state', { state: 'failed' }],
  ['a token', { token: 'rare' }],
  ['a payer and a state', { payer: 'payer1', state: 'failed' }],
  ['a payer and a token', { payer: 'payer0', token: 'rare' }],
  ['a state and a token', { state: 'failed', token: 'rare' }],
  ['what nobody has', { state: 'settled', token: 'rare' }],
  ['all three', { payer: 'payer1', state: 'failed', token: 'usual' }],
  ['a time', { from: new Date('2026-10-31T23:30:00Z'), to: new Date('2026-10-31T23:45:00Z') }],
  ['a time long ago', { from: new Date('2020-01-01T00:00:00Z'), to: new Date('2020-02-01T00:00:00Z') }],
  ['a time and a state', { to: new Date('2026-10-31T22:15:00Z'), state: 'failed' }],
];

describe.each(filters)('payments by %s', (_name, filter) => {
  test('are on one page each, the newest first, and none is missing', async () => {
    const found: string[] = [];
    let before: PaymentPosition | null = null;
    for (;;) {
      const query: PaymentQuery = { ...everything, ...filter, before, limit: 501 };
      const page = await findPayments(testDatabase.database.sql, query);
      const shown = page.found.slice(0, 500);
      found.push(...shown.map(({ id }) => id));
      const next: PaymentPosition | undefined = page.found.length > 500 ? shown.at(-1) : page.searchedTo;
      if (next === undefined) break;
      before = next;
    }
    expect(found).toEqual(expected({ ...everything, ...filter }));
  });

  test('are found without reading more than a bounded number of others', async () => {
    for (const before of [null, payments[count / 2] ?? null]) {
      const plan = await planOf({ ...everything, ...filter, before });
      for (const [, rows = ''] of plan.matchAll(/actual rows=([\d.]+)/g))
        expect(Number(rows), plan).toBeLessThan(3_000);
      for (const [, rows = ''] of plan.matchAll(/Rows Removed by Filter: (\d+)/g))
        expect(Number(rows)).toBeLessThan(1_001);
    }
  });
});

test('a time long ago is gone to at once', async () => {
  const [from, to] = [new Date('2020-01-01T00:00:00Z'), new Date('2020-02-01T00:00:00Z')];
  const plan = await planOf({ ...everything, from, to });
  expect(Number(/Buffers: shared hit=(\d+)/.exec(plan)?.[1]), plan).toBeLessThan(60);
});

/** The same by looking at each. */
function expected({ walletId: wallet, payer, state, token, from, to }: PaymentQuery): readonly string[] {
  return payments
    .filter(
      (payment) =>
        (wallet === null || payment.payTo === '0xone') &&
        (payer === null || payment.payer === payer) &&
        (state === null || payment.state === state) &&
        (token === null || payment.token === token) &&
        (from === null || payment.at >= from) &&
        (to === null || payment.at < to),
    )
    .toSorted((one, other) => (`${one.claimedAt} ${one.id}` < `${other.claimedAt} ${other.id}` ? 1 : -1))
    .map(({ id }) => id);
}

/** The plan of the search as a tenant runs it, with the rows and pages that each step touched. */
async function planOf(query: PaymentQuery): Promise<string> {
  return testDatabase.database.transaction(async (tx) => {
    await tx`SELECT set_config('role', 'tollkeeper_tenant', true), set_config('tollkeeper.merchant', ${merchantId}, true)`;
    const lines: string[] = [];
    const explain = async (
      strings: TemplateStringsArray,
      ...values: Parameters<Sql> extends [unknown, ...infer Values] ? Values : never
    ) => {
      const text = [`EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) ${strings[0] ?? ''}`, ...strings.slice(1)];
      const rows = await tx<{ 'QUERY PLAN': string }>(Object.assign(text, { raw: text }), ...values);
      lines.push(...rows.map((row) => row['QUERY PLAN']));
      return [];
    };
    await findPayments(explain, query);
    return lines.join('\n');
  });
}
