import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPayments, type PaymentPosition, type PaymentQuery } from './find-payments.js';

const network = 'eip155:84532';
const count = 20_000;
const [merchantId, walletId] = [randomUUID(), randomUUID()];

let testDatabase: TestDatabase;
let owner: pg.Client;
let tenant: pg.Client;
let payments: readonly Payment[];

interface Payment extends PaymentPosition {
  readonly payer: string;
  readonly state: string;
  readonly token: string;
  readonly at: Date;
  readonly payTo: string;
}

/**
 * Payments to two wallets, some of one moment; those that failed, and those in the rare token, are the oldest. The search was
 * planned before there were any, as by a service that was started on an empty database.
 */
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const { database, ownerUrl } = testDatabase;
  const { sql } = database;
  owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
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
  tenant = new pg.Client({
    connectionString: ownerUrl,
    options: `-c role=tollkeeper_tenant -c tollkeeper.merchant=${merchantId} -c enable_seqscan=off -c plan_cache_mode=force_generic_plan`,
  });
  await tenant.connect();
  await costOf(everything);
  payments = await sql<Payment>`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, state, failure_reason,
      transaction, claimed_at, concluded_at)
    SELECT gen_random_uuid(), 'claim' || n, 'exact', ${network}, CASE WHEN n > ${count - 7} THEN 'rare' ELSE 'usual' END, n,
      'payer' || n % 2, CASE WHEN n % 3 = 0 THEN '0xone' ELSE '0xtwo' END, 2, state,
      CASE WHEN state IN ('failed', 'refused') THEN 'insufficient_funds' END, 'hash' || n,
      '2026-11-01T00:00:00Z'::timestamptz - make_interval(secs => n / 3), CASE WHEN state IN ('settled', 'failed') THEN now() END
    FROM generate_series(1, ${count}::integer) AS n CROSS JOIN LATERAL (
      SELECT CASE WHEN n > ${count - 20} THEN 'failed' WHEN n > 60 THEN 'settled' WHEN n > 30 THEN 'submitted'
        WHEN n > 3 THEN 'claimed' ELSE 'refused' END AS state
    ) AS stands
    RETURNING id, payer, CASE state WHEN 'refused' THEN 'claimed' ELSE state END AS state, token, claimed_at AS at,
      pay_to AS "payTo", to_char(claimed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "claimedAt"`;
});
afterAll(async () => {
  await tenant.end();
  await owner.end();
  await testDatabase.drop();
});

const everything: PaymentQuery = {
  walletId: null,
  network: null,
  payer: null,
  state: null,
  token: null,
  from: null,
  to: null,
  before: null,
  limit: 51,
};

/** What a page may read where an index knows the whole filter: itself for each list, and where the lists are. */
const fewRows = 51 * 4 + 10;
/** And where the filter is checked payment by payment, for each address. */
const boundedRows = 1_000 * 2;

const filters: [string, Partial<PaymentQuery>, number][] = [
  ['nothing', {}, fewRows],
  ['a wallet', { walletId }, fewRows],
  ['a network', { network, state: 'submitted' }, fewRows],
  ['a network that none is on', { network: 'eip155:1' }, 10],
  ['a payer', { payer: 'payer1' }, fewRows],
  ['the state of most', { state: 'settled' }, 2 * fewRows],
  ['a rare state', { state: 'failed' }, fewRows],
  ['being in flight', { state: 'submitted' }, fewRows],
  ['a claim', { state: 'claimed', walletId }, fewRows],
  ['a token', { token: 'rare' }, fewRows],
  ['a payer and a state', { payer: 'payer1', state: 'failed' }, boundedRows],
  ['a payer and a token', { payer: 'payer0', token: 'rare' }, boundedRows],
  ['a state and a token', { state: 'failed', token: 'rare' }, fewRows],
  ['the state of most and a token', { state: 'settled', token: 'usual' }, 2 * fewRows],
  ['what nobody has', { state: 'settled', token: 'rare' }, fewRows],
  ['all three', { payer: 'payer1', state: 'failed', token: 'usual' }, boundedRows],
  ['an unknown payer', { payer: 'payer2' }, fewRows],
  ['a time', { from: new Date('2026-10-31T23:30:00Z'), to: new Date('2026-10-31T23:45:00Z') }, fewRows],
  ['a time long ago', { from: new Date('2020-01-01T00:00:00Z'), to: new Date('2020-02-01T00:00:00Z') }, 10],
  ['a time and a state', { to: new Date('2026-10-31T22:15:00Z'), state: 'failed' }, fewRows],
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
});

describe.each(['planned on an empty table', 'planned on the full one'])('%s', (planned) => {
  beforeAll(async () => {
    if (planned === 'planned on the full one') await owner.query('VACUUM ANALYZE payment');
  });

  test.each(filters)('a page by %s reads little more than itself', async (_name, filter, mostRows) => {
    for (const before of [null, payments[count / 2] ?? null]) {
      const { rows, pages, scans } = await costOf({ ...everything, ...filter, before });
      expect(rows, scans).toBeLessThanOrEqual(mostRows);
      expect(pages, scans).toBeLessThanOrEqual(2 * mostRows + 40);
    }
  });
});

/** The same by looking at each. */
function expected({
  walletId: wallet,
  network: chain,
  payer,
  state,
  token,
  from,
  to,
}: PaymentQuery): readonly string[] {
  return payments
    .filter(
      (payment) =>
        (wallet === null || payment.payTo === '0xone') &&
        (chain === null || chain === network) &&
        (payer === null || payment.payer === payer) &&
        (state === null || payment.state === state) &&
        (token === null || payment.token === token) &&
        (from === null || payment.at >= from) &&
        (to === null || payment.at < to),
    )
    .toSorted((one, other) => (`${one.claimedAt} ${one.id}` < `${other.claimedAt} ${other.id}` ? 1 : -1))
    .map(({ id }) => id);
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

/** How many payments, and pages of the database, a tenant's search reads, as the service would run it: planned once. */
async function costOf(query: PaymentQuery) {
  let plan: PlanNode | undefined;
  const explain = async (strings: TemplateStringsArray, ...values: readonly unknown[]) => {
    const statement = strings.reduce((head, tail, index) => `${head}$${index}${tail}`);
    const { rows: known } = await tenant.query('SELECT FROM pg_prepared_statements WHERE name = $1', ['search']);
    if (known.length === 0) await tenant.query(`PREPARE search AS ${statement}`);
    const { rows } = await tenant.query<{ 'QUERY PLAN': readonly [{ Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, FORMAT JSON) EXECUTE search (${values.map(literalOf).join()})`,
    );
    plan = rows[0]?.['QUERY PLAN'][0].Plan;
    return [];
  };
  await findPayments(explain, query);
  if (plan === undefined) expect.fail('Nothing was searched');
  const scans = scansOfPaymentsIn(plan);
  return {
    rows: scans.reduce((sum, { rows }) => sum + rows, 0),
    pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
    scans: scans.map(({ name, rows }) => `${name}: ${rows}`).join('\n'),
  };
}

function scansOfPaymentsIn(node: PlanNode): readonly { name: string; rows: number }[] {
  const inside = (node.Plans ?? []).flatMap(scansOfPaymentsIn);
  if (node['Relation Name'] !== 'payment') return inside;
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  const rows = (node['Actual Rows'] + removed) * node['Actual Loops'];
  return [...inside, { name: node['Index Name'] ?? node['Node Type'], rows }];
}

function literalOf(value: unknown): string {
  if (value === null) return 'NULL';
  if (Array.isArray(value)) return `ARRAY[${value.map(literalOf).join()}]`;
  if (typeof value !== 'string' && typeof value !== 'number') expect.fail('The search has a new kind of value');
  return pg.escapeLiteral(value.toString());
}
