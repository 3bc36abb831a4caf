import { randomUUID } from 'node:crypto';
import { createCharges, createHolds, createLedger, createWalletTransfers } from '@tollkeeper/ledger';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestTenant } from '../tenants/support/tenant-service.js';
import { asset, startHttpScene, told, type HttpScene } from './http-scene.js';

let scene: HttpScene;
let tenant: TestTenant;
let other: TestTenant;
let [alice, bob, theirs]: [string, string, string] = ['', '', ''];

beforeAll(async () => {
  scene = await startHttpScene();
  [tenant, other] = [await scene.service.createTenant(), await scene.service.createTenant()];
  alice = await scene.wallet(tenant, 1_000_000n);
  bob = await scene.wallet(tenant, 1_000_000n);
  theirs = await scene.wallet(other, 1_000n);
});
afterAll(() => scene.service.stop());

const money = { ...asset, amount: '1' };
const makers = {
  '/v1/transfers': (from: string, to: string) => ({ senderWalletId: from, receiverWalletId: to, ...money }),
  '/v1/holds': (from: string) => ({ walletId: from, ...money }),
  '/v1/charges': (from: string, to: string) => ({ payerWalletId: from, payeeWalletId: to, ...money }),
} as const;
type Path = keyof typeof makers;
const paths = Object.keys(makers) as Path[];

async function make(path: Path, [from, to]: readonly [string, string]): Promise<string> {
  const made = await scene.post(tenant, path, makers[path](from, to));
  expect(made.status, made.text).toBe(201);
  return String(made.body['id']);
}

/** Every item of a list, page by page. */
async function all(path: string, { query = '', by = tenant } = {}): Promise<readonly Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (let cursor = ''; ;) {
    const page = await scene.get(by, `${path}?limit=3${query}${cursor}`);
    if (!Array.isArray(page.body['items'])) expect.fail(page.text);
    found.push(...(page.body['items'] as Record<string, unknown>[]));
    if (typeof page.body['nextCursor'] !== 'string') return found;
    cursor = `&cursor=${page.body['nextCursor']}`;
  }
}

describe.each(paths)('GET %s', (path) => {
  let made: string[];
  beforeAll(async () => {
    made = [];
    for (let count = 0; count < 8; count += 1) made.push(await make(path, count < 4 ? [alice, bob] : [bob, alice]));
  });

  test('shows each once, the newest first, as it is shown by its id', async () => {
    const listed = await all(path);
    expect(listed.map(({ id }) => id)).toEqual(made.toReversed());
    for (const item of listed) expect(item).toEqual((await scene.get(tenant, `${path}/${String(item['id'])}`)).body);
  });

  test('shows those of one wallet, on whichever side it is', async () => {
    const expected = path === '/v1/holds' ? made.slice(0, 4) : made;
    const listed = await all(path, { query: `&walletId=${alice.toUpperCase()}` });
    expect(listed.map(({ id }) => id)).toEqual(expected.toReversed());
  });

  test('shows another merchant nothing, and is not asked about its wallets', async () => {
    expect(await all(path, { by: other })).toEqual([]);
    expect(told(await scene.get(tenant, `${path}?walletId=${theirs}`))).toBe('404 WALLET_NOT_FOUND');
    expect(told(await scene.get(tenant, `${path}?walletId=${randomUUID()}`))).toBe('404 WALLET_NOT_FOUND');
  });

  test('takes its own cursors alone, unaltered and from the same merchant', async () => {
    const { body } = await scene.get(tenant, `${path}?limit=1`);
    const cursor = String(body['nextCursor']);
    const tampered = `${cursor.startsWith('A') ? 'B' : 'A'}${cursor.slice(1)}`;
    expect(told(await scene.get(tenant, `${path}?cursor=${tampered}`))).toBe('400 CURSOR_INVALID');
    expect(told(await scene.get(other, `${path}?cursor=${cursor}`))).toBe('400 CURSOR_INVALID');
    expect(told(await scene.get(tenant, `/v1/wallets?cursor=${cursor}`))).toBe('400 CURSOR_INVALID');
  });
});

test('a transfer that another merchant claimed is in the lists of both, and neither shows the other’s wallet', async () => {
  const created = await scene.post(tenant, '/v1/transfers', { senderWalletId: alice, ...money, mode: 'claim' });
  const id = String(created.body['id']);
  const { claimToken } = created.body;
  const claimed = await scene.post(other, `/v1/transfers/${id}/claim`, { walletId: theirs, claimToken });
  expect(claimed.status).toBe(200);
  const [sent] = await all('/v1/transfers');
  expect(sent).toMatchObject({ id, senderWalletId: alice, receiverWalletId: null });
  expect(await all('/v1/transfers', { by: other })).toEqual([claimed.body]);
  expect(claimed.body).toMatchObject({ id, senderWalletId: null, receiverWalletId: theirs });
});

describe('however long the history, a page is read from the end of its index', () => {
  const count = 20_000;
  beforeAll(async () => {
    const { sql } = scene.service.database.database;
    const [row] = await sql<{ id: number; account: bigint }>`
      SELECT asset_id AS id, id AS account FROM account WHERE owner = ${alice} AND kind = 'merchant_available'`;
    const { id = 0, account = 0n } = row ?? {};
    await sql`
      INSERT INTO wallet_transfer (id, sender_wallet_id, receiver_wallet_id, asset_id, amount, state)
      SELECT gen_random_uuid(), CASE WHEN n % 2 = 0 THEN ${alice}::uuid ELSE ${bob}::uuid END,
        CASE WHEN n % 2 = 0 THEN ${bob}::uuid ELSE ${alice}::uuid END, ${id}, 1, 'completed'
      FROM generate_series(1, ${count}::integer) AS n`;
    await sql`
      INSERT INTO charge (id, payer_wallet_id, payee_wallet_id, asset_id, amount)
      SELECT gen_random_uuid(), CASE WHEN n % 2 = 0 THEN ${alice}::uuid ELSE ${bob}::uuid END,
        CASE WHEN n % 2 = 0 THEN ${bob}::uuid ELSE ${alice}::uuid END, ${id}, 1
      FROM generate_series(1, ${count}::integer) AS n`;
    await sql`
      INSERT INTO hold (id, account_id, asset_id, amount, expires_at)
      SELECT gen_random_uuid(), ${account}, ${id}, 1, now() + interval '1 day' FROM generate_series(1, ${count}::integer)`;
    await analyze();
  });

  test.each(paths)('%s', async (path) => {
    const plan = await planOfList(path);
    expect(plan).toMatch(/Index (Only )?Scan Backward/);
    // Of each wallet and side a page is read, and no more.
    for (const [, rows = ''] of plan.matchAll(/actual rows=([\d.]+)/g)) expect(Number(rows), plan).toBeLessThan(500);
    for (const [, rows = ''] of plan.matchAll(/Rows Removed by Filter: (\d+)/g))
      expect(Number(rows), plan).toBeLessThan(500);
  });

  /** As the database does by itself, in its own time. */
  async function analyze(): Promise<void> {
    const owner = new pg.Client({ connectionString: scene.service.database.ownerUrl });
    await owner.connect();
    await owner.query('ANALYZE wallet_transfer, charge, hold');
    await owner.end();
  }

  /** The plan of the statement that finds a page, as the tenant runs it, with the rows that each step touched. */
  async function planOfList(path: Path): Promise<string> {
    const { database } = scene.service.database;
    const ledger = createLedger({ database });
    const { list } = { '/v1/transfers': createWalletTransfers, '/v1/holds': createHolds, '/v1/charges': createCharges }[
      path
    ]({
      ledger,
    });
    const lines: string[] = [];
    await database.transaction(async (tx) => {
      await tx`SELECT set_config('role', 'tollkeeper_tenant', true), set_config('tollkeeper.merchant', ${tenant.id}, true)`;
      const explain = async (
        strings: readonly string[],
        ...values: Parameters<typeof tx> extends [unknown, ...infer Values] ? Values : never
      ) => {
        const text = [`EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ${strings[0] ?? ''}`, ...strings.slice(1)];
        const rows = await tx<{ 'QUERY PLAN': string }>(Object.assign(text, { raw: text }), ...values);
        if (lines.length === 0) lines.push(...rows.map((row) => row['QUERY PLAN']));
        return [];
      };
      await list(explain, { walletIds: [alice, bob], limit: 51 });
    });
    return lines.join('\n');
  }
});
