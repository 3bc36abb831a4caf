import { randomUUID } from 'node:crypto';
import { createLedger } from '@tollkeeper/ledger';
import { amount } from '@tollkeeper/protocol';
import {
  startTenantService,
  type Answered,
  type TenantService,
  type TestTenant,
} from '../tenants/support/tenant-service.js';
import { findLedgerProblems } from './find-ledger-problems.js';
import { usdc } from './ledger-scene.js';

export const asset = { network: usdc.network, asset: usdc.token };

/** The service with its API, and wallets whose money was received before. */
export type HttpScene = Awaited<ReturnType<typeof startHttpScene>>;

export async function startHttpScene() {
  const service: TenantService = await startTenantService();
  const { database } = service.database;
  const ledger = createLedger({ database });

  async function wallet(tenant: TestTenant, units: bigint): Promise<string> {
    const id = randomUUID();
    await database.sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${id}::uuid, ${tenant.id}::uuid, ${id})`;
    const debit = { kind: 'custody', owner: `address of ${id}` } as const;
    const credit = { kind: 'merchant_available', owner: id } as const;
    const legs = [{ debit, credit, asset: usdc, amount: amount(units) }];
    if (units > 0n) await database.transaction((sql) => ledger.post(sql, { scope: 'deposit', key: id, legs }));
    return id;
  }

  /** A money operation under a key of its own. */
  function post(tenant: Pick<TestTenant, 'secret'>, path: string, body?: unknown): Promise<Answered> {
    const headers = { 'idempotency-key': randomUUID() };
    return service.call('POST', path, { key: tenant.secret, headers, ...(body === undefined ? {} : { body }) });
  }

  const get = (tenant: Pick<TestTenant, 'secret'>, path: string) => service.call('GET', path, { key: tenant.secret });

  async function available(walletId: string): Promise<bigint> {
    const lines = await ledger.balancesOf([walletId]);
    const line = lines.find(({ kind }) => kind === 'merchant_available');
    return (line?.balance ?? 0n) - (line?.held ?? 0n);
  }

  /** Every row that an operation on money could have changed, and what was noted about it. */
  async function books(): Promise<unknown> {
    const { sql } = database;
    return Promise.all([
      sql`SELECT * FROM balance ORDER BY account_id`,
      sql`SELECT * FROM journal ORDER BY id`,
      sql`SELECT * FROM hold ORDER BY id`,
      sql`SELECT * FROM wallet_transfer ORDER BY id`,
      sql`SELECT * FROM charge ORDER BY id`,
      sql`SELECT * FROM charge_refund ORDER BY id`,
      sql`SELECT * FROM audit_entry ORDER BY chain, sequence`,
    ]);
  }

  return { service, wallet, post, get, available, books, problems: () => findLedgerProblems(database.sql) };
}

/** What matters of an answer in a table of refusals. */
export function told({ status, body }: Answered): string {
  const { code, state } = body as { readonly code?: string; readonly state?: string };
  return `${status} ${code ?? state ?? ''}`.trim();
}
