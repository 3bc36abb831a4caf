import type { Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let db: TestDatabase;
let sql: Sql;

beforeAll(async () => {
  db = await createTestDatabase();
  sql = db.database.sql;
});
afterAll(() => db.drop());

/**
 * What the service may do to each table and view. A new one is not in this list, so its test fails until somebody decides.
 * A privilege on some columns only is written with their names.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  _prisma_migrations: ['SELECT'],
  account: ['INSERT', 'SELECT', 'UPDATE (closed_at)'],
  account_kind: ['SELECT'],
  api_key: ['INSERT', 'SELECT', 'UPDATE (last_used_at, revoked_at)'],
  asset: ['INSERT', 'SELECT'],
  audit_entry: ['INSERT (action, actor, after, before, key_id, merchant_id, request_id, subject)', 'SELECT'],
  audit_head: ['SELECT'],
  balance: ['SELECT'],
  balance_checkpoint: ['SELECT'],
  chain_identity: ['INSERT', 'SELECT'],
  chain_transaction: ['INSERT', 'SELECT', 'UPDATE (broadcast_at, concluded_at, fee_paid, reopened, state)'],
  charge: ['INSERT (amount, asset_id, id, payee_wallet_id, payer_wallet_id, reference)', 'SELECT'],
  charge_refund: ['INSERT (amount, charge_id, id)', 'SELECT'],
  control: ['DELETE', 'INSERT (kind, merchant_id, network, reason, set_by, token)', 'SELECT'],
  deposit_account: ['INSERT', 'SELECT', 'UPDATE (busy_until, ready_at, rent, rent_journal_id)'],
  deposit_address: ['INSERT', 'SELECT', 'UPDATE (encrypted_key, key_version)'],
  effect: [
    'INSERT (amount, asset_id, block_hash, block_number, journal_id, network, payment_id, position, recipient, sender, transaction)',
    'SELECT',
    'UPDATE (block_hash, block_number, final_at, inclusion, journal_id, lost_at, position, release_journal_id, reversed_at, transaction)',
  ],
  encryption_key: ['INSERT (check_value, version)', 'SELECT', 'UPDATE (retired_at)'],
  fee_terms: ['INSERT (bps, effective_from, fixed, merchant_id, network, token)', 'SELECT'],
  hold: ['INSERT (account_id, amount, asset_id, expires_at, id, reference)', 'SELECT', 'UPDATE (captured, state)'],
  idempotency: ['DELETE', 'INSERT', 'SELECT', 'UPDATE (body, content_type, key_id, lease_until, request_id, status)'],
  journal: ['INSERT (body_hash, idempotency_key, reverses, scope)', 'SELECT'],
  lane: ['INSERT', 'SELECT', 'UPDATE'],
  merchant: ['INSERT', 'SELECT', 'UPDATE (payout_wait, wallet_quota)'],
  payment: [
    'DELETE',
    'INSERT',
    'SELECT',
    'UPDATE (answer_open_since, claimed_at_block, concluded_at, delivered_at, delivery_lease_holder, delivery_lease_until, failure_detail, failure_reason, lease_holder, lease_until, retry_alone, state, submitted_at, taken_over, transaction, void_at)',
  ],
  payment_fee: ['INSERT', 'SELECT'],
  payment_in_flight: ['SELECT'],
  payment_status: ['SELECT'],
  payout_address: ['INSERT (address, id, label, network, wallet_id)', 'SELECT', 'UPDATE (removed_at)'],
  reconciliation: ['INSERT (compared, differing, outcome, report, started_at, started_by)', 'SELECT'],
  reconciliation_turn: ['INSERT', 'SELECT', 'UPDATE'],
  referral: ['INSERT (merchant_id, referrer_id, share_bps)', 'SELECT'],
  setting: ['INSERT', 'SELECT'],
  settler: ['DELETE', 'INSERT', 'SELECT', 'UPDATE'],
  sponsored_fees: ['INSERT', 'SELECT', 'UPDATE'],
  sponsorship: ['INSERT', 'SELECT', 'UPDATE'],
  tenant_account: [],
  tenant_address: [],
  transaction_leg: ['INSERT', 'SELECT', 'UPDATE (failed_at)'],
  transfer: ['INSERT (amount, asset_id, credit_account_id, debit_account_id, journal_id, leg)', 'SELECT'],
  trial_balance: ['SELECT'],
  wallet: ['INSERT', 'SELECT', 'UPDATE (closed_at)'],
  wallet_transfer: [
    'INSERT (amount, asset_id, claim_token_hash, expires_at, id, receiver_wallet_id, reference, sender_wallet_id, state)',
    'SELECT',
    'UPDATE (receiver_wallet_id, state)',
  ],
};

describe('the privileges of the service', () => {
  test('are decided for every table and view, and are no others', async () => {
    const rows = await sql<{ relation: string; privileges: string[] }>`
      SELECT relation.relname AS relation, array_remove(array_agg(
          CASE
            WHEN has_table_privilege('tollkeeper_app', relation.oid, privilege) THEN privilege
            WHEN privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND columns.names IS NOT NULL
              THEN privilege || ' (' || columns.names || ')'
          END ORDER BY privilege), NULL) AS privileges
      FROM pg_class AS relation
      CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
      LEFT JOIN LATERAL (
        SELECT string_agg(attname, ', ' ORDER BY attname) AS names FROM pg_attribute
        WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
          AND privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
          AND has_column_privilege('tollkeeper_app', relation.oid, attname, privilege)
      ) AS columns ON true
      WHERE relation.relnamespace = 'public'::regnamespace AND relation.relkind IN ('r', 'p', 'v', 'm', 'f')
      GROUP BY relation.relname`;
    const found = Object.fromEntries(rows.map(({ relation, privileges }) => [relation, privileges]));
    expect(found).toEqual(allowed);
  });

  test('do not include making, owning or becoming anything', async () => {
    const [may] = await sql`
      SELECT has_schema_privilege('tollkeeper_app', 'public', 'CREATE') AS create_in_schema,
        has_database_privilege('tollkeeper_app', current_database(), 'CREATE') AS create_schema,
        (SELECT count(*) FROM pg_class WHERE relowner = 'tollkeeper_app'::regrole) AS owned,
        (SELECT array_agg(roleid::regrole::text || CASE WHEN inherit_option THEN ' always' ELSE ' on demand' END)
          FROM pg_auth_members WHERE member = 'tollkeeper_app'::regrole) AS may_become,
        rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolcanlogin
      FROM pg_roles WHERE rolname = 'tollkeeper_app'`;
    expect(may).toEqual({
      create_in_schema: false,
      create_schema: false,
      owned: 0n,
      may_become: ['tollkeeper_tenant on demand'],
      rolsuper: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolbypassrls: false,
      rolcanlogin: false,
    });
  });

  test('do not include a function that acts as the owner, except triggers and these', async () => {
    const functions = await sql<{ name: string; forEverybody: boolean }>`
      SELECT proname AS name, EXISTS (
        SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0
      ) AS "forEverybody"
      FROM pg_proc
      WHERE pronamespace = 'public'::regnamespace AND prosecdef AND prorettype <> 'trigger'::regtype ORDER BY proname`;
    expect(functions).toEqual([
      { name: 'lock_balances', forEverybody: false },
      { name: 'take_balance_checkpoint', forEverybody: false },
    ]);
  });

  test('do not let anybody put a table of theirs before ours in a function that acts as the owner', async () => {
    const open = await sql`
      SELECT proname FROM pg_proc
      WHERE pronamespace = 'public'::regnamespace AND prosecdef
        AND NOT coalesce('search_path=public, pg_temp' = ANY (proconfig), false)`;
    expect(open).toEqual([]);
  });
});
