import type { Sql } from '@tollkeeper/database';
import { amount, type Network } from '@tollkeeper/protocol';
import type { AccountKind } from './chart-of-accounts.js';
import type { Leg } from './posting.js';

/** The legs of journals as they were posted. */
export async function legsOf(sql: Sql, journalIds: readonly bigint[]): Promise<ReadonlyMap<bigint, readonly Leg[]>> {
  const rows = await sql<LegRow>`
    SELECT transfer.journal_id AS "journalId", debited.kind AS "debitKind", debited.owner AS "debitOwner",
      credited.kind AS "creditKind", credited.owner AS "creditOwner", asset.network, asset.token, transfer.amount
    FROM transfer
    JOIN account AS debited ON debited.id = transfer.debit_account_id
    JOIN account AS credited ON credited.id = transfer.credit_account_id
    JOIN asset ON asset.id = transfer.asset_id
    WHERE transfer.journal_id = ANY(${journalIds}::bigint[])
    ORDER BY transfer.journal_id, transfer.leg`;
  const legs = new Map<bigint, Leg[]>(journalIds.map((id) => [id, []]));
  for (const row of rows) legs.get(row.journalId)?.push(legOf(row));
  return legs;
}

interface LegRow {
  readonly journalId: bigint;
  readonly debitKind: AccountKind;
  readonly debitOwner: string;
  readonly creditKind: AccountKind;
  readonly creditOwner: string;
  readonly network: Network;
  readonly token: string;
  readonly amount: bigint;
}

function legOf(row: LegRow): Leg {
  return {
    debit: { kind: row.debitKind, owner: row.debitOwner },
    credit: { kind: row.creditKind, owner: row.creditOwner },
    asset: { network: row.network, token: row.token },
    amount: amount(row.amount),
  };
}
