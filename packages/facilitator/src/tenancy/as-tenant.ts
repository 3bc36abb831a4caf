import { appRole, type Database, type Sql } from '@tollkeeper/database';

/** The role that row security binds, of the migration `tenants`. */
const tenantRole = 'tollkeeper_tenant';

/** A transaction that sees one merchant's rows. */
export interface TenantTransaction {
  /** Reads and writes as the tenant: another merchant's rows do not exist here, whatever the statement asks for. */
  readonly sql: Sql;
  /**
   * Goes on as the service within the same transaction, for what a tenant may not do itself: posting money, writing another
   * merchant's side of a transfer. Check with `sql` first that the tenant may; nothing checks it here.
   */
  readonly service: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>;
}

export type AsTenant = <T>(merchantId: string, work: (transaction: TenantTransaction) => Promise<T>) => Promise<T>;

/** Runs work in one transaction under row security. It may run again after a deadlock, so it does nothing but SQL. */
export function createAsTenant(database: Database): AsTenant {
  return (merchantId, work) =>
    database.transaction(async (sql) => {
      await takeRole(sql, { role: tenantRole, merchantId });
      return work(tenantTransaction(sql, merchantId));
    });
}

function tenantTransaction(sql: Sql, merchantId: string): TenantTransaction {
  let serving = false;
  const tenantSql: Sql = (strings, ...values) => {
    if (serving) throw new TypeError('The transaction acts as the service now; a statement as the tenant has to wait');
    return sql(strings, ...values);
  };
  return {
    sql: tenantSql,
    async service(work) {
      if (serving) throw new TypeError('The transaction acts as the service already');
      serving = true;
      try {
        await takeRole(sql, { role: appRole, merchantId: '' });
        const result = await work(sql);
        await takeRole(sql, { role: tenantRole, merchantId });
        return result;
      } finally {
        // After an error only a rollback can follow, which takes the role back as well.
        serving = false;
      }
    },
  };
}

/** Both end with the transaction, so a pooled connection never keeps a tenant. */
async function takeRole(sql: Sql, { role, merchantId }: { role: string; merchantId: string }): Promise<void> {
  await sql`SELECT set_config('role', ${role}, true), set_config('tollkeeper.merchant', ${merchantId}, true)`;
}
