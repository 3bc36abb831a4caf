import { randomBytes, randomUUID } from 'node:crypto';
import { openDatabase, type Database } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { createLedger } from '@tollkeeper/ledger';
import { amount, baseSepolia } from '@tollkeeper/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAsTenant } from './as-tenant.js';

/** What every tenant may read, because it belongs to none. */
const shared = ['account_kind', 'asset'];

/** What knows whom it belongs to and is no tenant's to read: the service's own memory of how it settled. */
const serviceOnly = ['audit_head', 'chain_transaction', 'control', 'sponsorship', 'transaction_leg'];

/** A column of this name says to whom a row belongs. */
const tenantColumn =
  /^(merchant|wallet|account|payment|charge|hold|transfer|referrer|key)_id$|_(wallet|account)_id$|^(chain|owner|pay_to)$/;

/** Views that show a tenant only its own, by what they ask for: they act as their owner, whom no policy binds. */
const filteredViews = ['tenant_account', 'tenant_address'];

let testDatabase: TestDatabase;
let database: Database;
let owner: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = testDatabase.database;
  const role = decodeURIComponent(new URL(testDatabase.ownerUrl).username);
  owner = await openDatabase({ url: testDatabase.ownerUrl, role, poolSize: 2, onWarning: () => undefined });
});
afterAll(async () => {
  await owner.close();
  await testDatabase.drop();
});

interface Relation {
  readonly name: string;
  readonly kind: string;
  readonly secured: boolean;
  readonly columns: readonly string[];
  readonly policies: readonly string[];
  readonly granted: boolean;
}

const relations = () => owner.sql<Relation>`
  SELECT relname::text AS name, relkind::text AS kind, relrowsecurity AS secured,
    (SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped)
      AS columns,
    coalesce((SELECT array_agg(polname::text) FROM pg_policy
      WHERE polrelid = pg_class.oid AND 'tollkeeper_tenant'::regrole = ANY (polroles)), '{}') AS policies,
    has_table_privilege('tollkeeper_tenant', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
      OR has_any_column_privilege('tollkeeper_tenant', oid, 'SELECT, INSERT, UPDATE') AS granted
  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') ORDER BY relname`;

describe('every relation', () => {
  test('that a tenant may touch, or that says to whom its rows belong, has a policy', async () => {
    const wrong = (await relations())
      .filter(({ kind, name }) => (kind === 'r' || kind === 'p') && !shared.includes(name))
      .filter(({ granted, columns }) => granted || columns.some((column) => tenantColumn.test(column)))
      .filter(({ name, secured, policies, granted }) =>
        serviceOnly.includes(name) ? granted || policies.length > 0 : !secured || policies.length === 0,
      );
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  test('that is a view is closed to tenants, unless it names the tenant itself', async () => {
    const open = (await relations()).filter(({ kind, granted }) => (kind === 'v' || kind === 'm') && granted);
    expect(open.map(({ name }) => name)).toEqual(filteredViews);
  });

  test('is served to everybody by the service, whose rights are its privileges', async () => {
    const secured = (await relations()).filter((relation) => relation.secured).map(({ name }) => name);
    const served = await owner.sql<{ name: string }>`
      SELECT polrelid::regclass::text AS name FROM pg_policy
      WHERE polname = 'service' AND polcmd = '*' AND pg_get_expr(polqual, polrelid) = 'true' ORDER BY 1`;
    expect(served.map(({ name }) => name)).toEqual(secured);
  });

  test('lets a tenant empty or remove nothing, and no function acts for it as somebody else', async () => {
    const [row] = await owner.sql<{ removable: string[] | null; functions: string[] | null }>`
      SELECT
        (SELECT array_agg(relname::text) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
          AND has_table_privilege('tollkeeper_tenant', oid, 'TRUNCATE')) AS removable,
        (SELECT array_agg(proname::text) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
          AND prorettype <> 'trigger'::regtype AND has_function_privilege('tollkeeper_tenant', oid, 'EXECUTE')) AS functions`;
    expect(row).toEqual({ removable: null, functions: null });
  });
});

describe('rows', () => {
  const [mine, other] = [randomUUID(), randomUUID()];
  const asTenant = (merchantId: string) => (work: Parameters<ReturnType<typeof createAsTenant>>[1]) =>
    createAsTenant(database)(merchantId, work);

  beforeAll(async () => {
    await fill(mine, 'mine');
    await fill(other, 'other');
  });

  async function fill(merchantId: string, name: string): Promise<void> {
    const [walletId, keyId, paymentId] = [randomUUID(), randomUUID(), randomUUID()];
    const address = `0x${name}`;
    await owner.sql`INSERT INTO merchant (id, name) VALUES (${merchantId}::uuid, ${name})`;
    await owner.sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${walletId}::uuid, ${merchantId}::uuid, ${name})`;
    await owner.sql`
      INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
      VALUES (${baseSepolia}, ${address}, ${walletId}::uuid, ${randomBytes(60)}, 1)`;
    await owner.sql`
      INSERT INTO api_key (id, merchant_id, name, prefix, hash, permissions)
      VALUES (${keyId}::uuid, ${merchantId}::uuid, 'key', 'sk_test_', ${randomBytes(32)}, ARRAY['read'])`;
    await owner.sql`
      INSERT INTO audit_entry (merchant_id, actor, key_id, action)
      VALUES (${merchantId}::uuid, 'key', ${keyId}::uuid, 'test')`;
    await owner.sql`
      INSERT INTO idempotency (merchant_id, route, key, request_hash, status, content_type, body)
      VALUES (${merchantId}::uuid, 'POST /v1/x', 'k', ${randomBytes(32)}, 200, 'application/json', '{}')`;
    await owner.sql`
      INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, state)
      VALUES (${paymentId}::uuid, ${paymentId}, 'exact', ${baseSepolia}, '0xusdc', 7, '0xpayer', ${address}, 2, 'submitted')`;
    const asset = { network: baseSepolia, token: '0xusdc' };
    const ledger = createLedger({ database });
    const { journalId } = await database.transaction((sql) =>
      ledger.post(sql, {
        scope: 'test',
        key: name,
        legs: [
          {
            debit: { kind: 'custody', owner: address },
            credit: { kind: 'merchant_pending', owner: walletId },
            asset,
            amount: amount(7n),
          },
        ],
      }),
    );
    await owner.sql`
      INSERT INTO effect (network, transaction, position, asset_id, sender, recipient, amount, block_number, block_hash,
        payment_id, journal_id)
      SELECT ${baseSepolia}, ${name}, '0', id, '0xpayer', ${address}, 7, 1, '0x', ${paymentId}::uuid, ${journalId}::bigint
      FROM asset`;
  }

  const readable = async () =>
    (await relations()).filter(({ kind, granted, name }) => kind === 'r' && granted && !shared.includes(name));

  /** How many rows of each table there are for whom the transaction serves; the owner's are all. */
  async function count(merchantId: string): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { name } of await readable()) {
      const strings = Object.assign([`SELECT count(*)::int AS rows FROM "${name}"`], { raw: [] });
      counts[name] = (await asTenant(merchantId)(async ({ sql }) => {
        const [row] = await sql<{ rows: number }>(strings);
        return row?.rows ?? -1;
      })) as number;
    }
    return counts;
  }

  test('of a merchant are seen by that merchant', async () => {
    const counts = await count(mine);
    const ours = [
      'account',
      'api_key',
      'audit_entry',
      'balance',
      'deposit_address',
      'effect',
      'idempotency',
      'journal',
    ];
    for (const table of [...ours, 'merchant', 'payment', 'transfer', 'wallet']) {
      expect([table, counts[table]]).toEqual([table, 1]);
    }
  });

  test('are not there at all without a merchant, or for one that does not exist', async () => {
    for (const nobody of ['', randomUUID()]) {
      const seen = Object.entries(await count(nobody)).filter(([, rows]) => rows !== 0);
      expect(seen).toEqual([]);
    }
  });

  test('of another merchant cannot be read, written or named by their id', async () => {
    await asTenant(mine)(async ({ sql }) => {
      expect(await sql`SELECT id FROM wallet WHERE merchant_id = ${other}::uuid`).toEqual([]);
      expect(await sql`SELECT id FROM api_key WHERE merchant_id = ${other}::uuid FOR UPDATE`).toEqual([]);
      expect(await sql`UPDATE api_key SET revoked_at = now() WHERE merchant_id = ${other}::uuid RETURNING id`).toEqual(
        [],
      );
      expect(await sql`SELECT id FROM payment WHERE pay_to = '0xother'`).toEqual([]);
    });
    const insert = asTenant(mine)(
      ({ sql }) => sql`
      INSERT INTO api_key (id, merchant_id, name, prefix, hash, permissions)
      VALUES (${randomUUID()}::uuid, ${other}::uuid, 'planted', 'sk_', ${randomBytes(32)}, ARRAY['admin'])`,
    );
    await expect(insert).rejects.toThrow('row-level security');
    const entry = asTenant(mine)(
      ({ sql }) => sql`
      INSERT INTO audit_entry (merchant_id, actor, action) VALUES (${other}::uuid, 'operator', 'planted')`,
    );
    await expect(entry).rejects.toThrow('row-level security');
  });

  test('of an address never show a tenant its encrypted key', async () => {
    const read = asTenant(mine)(({ sql }) => sql`SELECT encrypted_key FROM deposit_address`);
    await expect(read).rejects.toThrow('permission denied');
  });

  test('stay hidden from the next user of the same connection', async () => {
    const single = await openDatabase({ url: testDatabase.url, poolSize: 1, onWarning: () => undefined });
    await createAsTenant(single)(mine, ({ sql }) => sql`SELECT FROM wallet`);
    const failing = createAsTenant(single)(mine, ({ sql }) => sql`SELECT encrypted_key FROM deposit_address`);
    await expect(failing).rejects.toThrow();
    const [row] = await single.sql<object>`
      SELECT current_user::text AS role, current_setting('tollkeeper.merchant', true) AS merchant, current_merchant() AS id`;
    expect(row).toEqual({ role: 'tollkeeper_app', merchant: '', id: null });
    await single.close();
  });
});

describe('a transaction', () => {
  const asTenant = <T>(work: Parameters<ReturnType<typeof createAsTenant>>[1]) =>
    createAsTenant(database)(randomUUID(), work) as Promise<T>;
  const roleOf = `current_user::text AS role, current_setting('tollkeeper.merchant') <> '' AS scoped`;

  test('is the tenant, then the service, then the tenant again', async () => {
    const strings = Object.assign([`SELECT ${roleOf}`], { raw: [] }) as unknown as TemplateStringsArray;
    const seen = await asTenant<unknown[]>(async ({ sql, service }) => [
      ...(await sql(strings)),
      ...(await service((served) => served(strings))),
      ...(await sql(strings)),
    ]);
    expect(seen).toEqual([
      { role: 'tollkeeper_tenant', scoped: true },
      { role: 'tollkeeper_app', scoped: false },
      { role: 'tollkeeper_tenant', scoped: true },
    ]);
  });

  test('refuses a statement as the tenant while it is the service', async () => {
    const mixed = asTenant(({ sql, service }) => service(() => sql`SELECT 1`));
    await expect(mixed).rejects.toThrow('acts as the service now');
    const nested = asTenant(({ service }) => service(() => service(() => Promise.resolve())));
    await expect(nested).rejects.toThrow('acts as the service already');
  });
});

test('a login that is no superuser and only a member of the service takes both roles, and sees what they see', async () => {
  const login = `login_${randomUUID().replaceAll('-', '')}`;
  const run = (text: string) => owner.sql(Object.assign([text], { raw: [] }));
  await run(`CREATE ROLE ${login} LOGIN PASSWORD 'secret' NOINHERIT`);
  await run(`GRANT tollkeeper_app TO ${login}`);
  const url = new URL(testDatabase.url);
  [url.username, url.password] = [login, 'secret'];
  const member = await openDatabase({ url: url.toString(), poolSize: 1, onWarning: () => undefined });
  try {
    expect(await member.sql`SELECT name FROM merchant`).not.toEqual([]);
    const seen = await createAsTenant(member)(randomUUID(), ({ sql }) => sql`SELECT name FROM merchant`);
    expect(seen).toEqual([]);
  } finally {
    await member.close();
    await run(`DROP ROLE ${login}`);
  }
});
