import type { Database, Sql } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import type { Comparison, Difference } from './report.js';

/** Journals whose transfers are added up in one statement, so that none takes long however long the history is. */
const journalsInStatement = 250_000n;

/**
 * Holds the ledger against itself, in one snapshot: debits and credits of each asset, each balance and the sum of its transfers,
 * what is held and the open holds.
 */
export function compareLedger(database: Database): Promise<Comparison> {
  return database.transaction(async (sql) => {
    await sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY`;
    const trial = await compareTrialBalance(sql);
    const [accounts, posted] = [await readAccounts(sql), await addUpTransfers(sql)];
    const differences = accounts.flatMap((account) => differencesOf(account, posted.get(account.id) ?? nothing));
    return {
      // Each account is compared three times: its debits, its credits, and what is held of it.
      compared: trial.compared + 3 * accounts.length,
      differences: [...trial.differences, ...differences],
      unchecked: [],
    };
  });
}

async function compareTrialBalance(sql: Sql): Promise<Pick<Comparison, 'compared' | 'differences'>> {
  const rows = await sql<{ network: Network; token: string; debit: bigint; credit: bigint }>`
    SELECT network, token, debit, credit FROM trial_balance ORDER BY network, token`;
  const differences = rows
    .filter(({ debit, credit }) => debit !== credit)
    .map(({ network, token, debit, credit }) => ({
      check: 'trial_balance' as const,
      asset: { network, token },
      subject: 'debits and credits',
      expected: debit,
      found: credit,
    }));
  return { compared: rows.length, differences };
}

interface AccountRow {
  readonly id: bigint;
  readonly kind: string;
  readonly owner: string;
  readonly network: Network;
  readonly token: string;
  readonly debit: bigint;
  readonly credit: bigint;
  readonly held: bigint;
  readonly openHolds: bigint;
}

function readAccounts(sql: Sql): Promise<readonly AccountRow[]> {
  return sql<AccountRow>`
    WITH kept AS (
      SELECT account_id, sum(debit) AS debit, sum(credit) AS credit, sum(held) AS held FROM balance GROUP BY account_id
    ), open_hold AS (
      SELECT account_id, sum(amount) AS amount FROM hold WHERE state = 'open' GROUP BY account_id
    )
    SELECT account.id, account.kind, account.owner, asset.network, asset.token,
      coalesce(kept.debit, 0) AS debit, coalesce(kept.credit, 0) AS credit, coalesce(kept.held, 0) AS held,
      coalesce(open_hold.amount, 0) AS "openHolds"
    FROM account
    JOIN asset ON asset.id = account.asset_id
    LEFT JOIN kept ON kept.account_id = account.id
    LEFT JOIN open_hold ON open_hold.account_id = account.id
    ORDER BY asset.network, asset.token, account.kind, account.owner`;
}

interface Posted {
  readonly debit: bigint;
  readonly credit: bigint;
}

const nothing: Posted = { debit: 0n, credit: 0n };

/** What every account was ever debited and credited, by its id. */
async function addUpTransfers(sql: Sql): Promise<ReadonlyMap<bigint, Posted>> {
  const posted = new Map<bigint, Posted>();
  const [newest] = await sql<{ id: bigint }>`SELECT coalesce(max(id), 0) AS id FROM journal`;
  const last = newest?.id ?? 0n;
  for (let after = 0n; after < last; after += journalsInStatement) {
    const rows = await sql<Posted & { readonly id: bigint }>`
      SELECT account_id AS id, sum(debit) AS debit, sum(credit) AS credit
      FROM (
        SELECT debit_account_id AS account_id, amount AS debit, 0 AS credit FROM transfer
        WHERE journal_id > ${after} AND journal_id <= ${after + journalsInStatement}
        UNION ALL
        SELECT credit_account_id, 0, amount FROM transfer
        WHERE journal_id > ${after} AND journal_id <= ${after + journalsInStatement}
      ) AS sides
      GROUP BY account_id`;
    for (const { id, debit, credit } of rows) {
      const known = posted.get(id) ?? nothing;
      posted.set(id, { debit: known.debit + debit, credit: known.credit + credit });
    }
  }
  return posted;
}

function differencesOf(row: AccountRow, posted: Posted): Difference[] {
  const asset = { network: row.network, token: row.token };
  const account = `${row.kind} ${row.owner}`;
  const all: Difference[] = [
    { check: 'balance', asset, subject: `${account} debit`, expected: posted.debit, found: row.debit },
    { check: 'balance', asset, subject: `${account} credit`, expected: posted.credit, found: row.credit },
    { check: 'holds', asset, subject: account, expected: row.openHolds, found: row.held },
  ];
  return all.filter(({ expected, found }) => expected !== found);
}
