import type { Database, Sql } from '@tollkeeper/database';
import { expect } from 'vitest';
import { eventually } from './eventually.js';

/** Others may look at this database as of some time ago, such as the server while it analyses a table. */
export async function untilNobodyHoldsOldRows(owner: Database): Promise<void> {
  await eventually(async () => {
    const holders = await owner.sql<{ kind: string }>`
      SELECT backend_type AS kind FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)`;
    expect(holders).toEqual([]);
  });
}

/** How many updates of payments by this session found room beside the old row, and wrote to no index. */
export async function updatesWithoutIndexes(sql: Sql): Promise<bigint> {
  const [row] = await sql<{ count: bigint }>`
    SELECT n_tup_hot_upd AS count FROM pg_stat_xact_user_tables WHERE relname = 'payment'`;
  return row?.count ?? 0n;
}
