import type { Database, Sql } from '@tollkeeper/database';
import { type Moment, settledMoment } from './settled-moment.js';

/** One leg of a journal, seen from the accounts of a statement. */
export interface StatementLeg {
  readonly postedAt: Moment;
  readonly journalId: bigint;
  readonly leg: number;
  /** What kind of event it was, and which one. */
  readonly scope: string;
  readonly key: string;
  readonly debitAccountId: bigint;
  readonly creditAccountId: bigint;
  readonly amount: bigint;
}

/** Where a list of legs goes on. */
export type LegPosition = Pick<StatementLeg, 'postedAt' | 'journalId' | 'leg'>;

/** What an account had been debited and credited before a moment. */
export interface AccountTotals {
  readonly accountId: bigint;
  readonly debit: bigint;
  readonly credit: bigint;
}

export type StatementReader = ReturnType<typeof createStatementReader>;

const pageSize = 500;
/** So many legs are added up at every statement; what is more is added up once and kept. */
const legsPerCheckpoint = 5_000;
/** One posting may write many legs of an account at once, so accounts are added up long before that. */
const postingsPerCheckpoint = 500;
const accountsAtOnce = 100;

/**
 * Reads what was posted to accounts, by the time of posting.
 *
 * Neither ids nor dates follow the order of commits, so a leg may become visible after later ones. Everything here therefore
 * reads up to a settled moment, before which nothing can appear any more: it answers the same whenever it is asked, over as
 * many transactions as it takes, and the end of one period is exactly the beginning of the next.
 */
export function createStatementReader(parts: { readonly database: Database }) {
  const { sql } = parts.database;
  return {
    settledMoment: (wanted?: Date) => settledMoment(sql, wanted),
    totalsBefore,
    takeCheckpoints,
    legs,
    newestLegs,
  };

  /** The totals of each account before a settled moment, in the order given. */
  async function totalsBefore(accountIds: readonly bigint[], moment: Moment): Promise<readonly AccountTotals[]> {
    const rows = await sql<AccountTotals & { legs: bigint }>`
      SELECT account.id AS "accountId", totals.debit, totals.credit, totals.legs
      FROM unnest(${accountIds}::bigint[]) WITH ORDINALITY AS account (id, place)
      CROSS JOIN LATERAL account_totals_before(account.id, ${moment}::timestamptz) AS totals
      ORDER BY account.place`;
    for (const { accountId, legs } of rows) {
      if (legs > legsPerCheckpoint) await sql`SELECT take_balance_checkpoint(${accountId}, ${moment}::timestamptz)`;
    }
    return rows.map(({ accountId, debit, credit }) => ({ accountId, debit, credit }));
  }

  /** Adds up the accounts that were posted to most since they were added up last, some of them. */
  async function takeCheckpoints(): Promise<void> {
    const busy = await sql<{ id: bigint }>`
      SELECT balance.account_id AS id FROM balance
      LEFT JOIN LATERAL (
        SELECT version FROM balance_checkpoint WHERE account_id = balance.account_id ORDER BY at DESC LIMIT 1
      ) AS last ON true
      WHERE balance.version - coalesce(last.version, 0) >= ${postingsPerCheckpoint}
      ORDER BY balance.version - coalesce(last.version, 0) DESC LIMIT ${accountsAtOnce}`;
    if (busy.length === 0) return;
    const moment = await settledMoment(sql);
    for (const { id } of busy) await sql`SELECT take_balance_checkpoint(${id}, ${moment}::timestamptz)`;
  }

  /**
   * The legs of the accounts from one settled moment up to another, in the order of posting, page by page; the next page is on
   * its way while one is handled.
   */
  async function* legs(
    accountIds: readonly bigint[],
    period: { readonly from: Moment; readonly to: Moment },
  ): AsyncGenerator<readonly StatementLeg[]> {
    const pageAfter = (after: LegPosition) => legsAfter(sql, { accountIds, after, to: period.to });
    let page = await pageAfter({ postedAt: period.from, journalId: 0n, leg: 0 });
    for (;;) {
      const last = page.at(-1);
      if (last === undefined) return;
      const next = page.length < pageSize ? Promise.resolve([]) : pageAfter(last);
      // It fails when its turn comes, or not at all where nobody goes on reading.
      next.catch(() => undefined);
      yield page;
      page = await next;
    }
  }

  /** One page of the legs of the accounts before a position or a settled moment, the newest first. */
  async function newestLegs(
    accountIds: readonly bigint[],
    before: LegPosition | Moment,
    limit: number,
  ): Promise<readonly StatementLeg[]> {
    const position = typeof before === 'string' ? { postedAt: before, journalId: 0n, leg: 0 } : before;
    return legsBefore(sql, { accountIds, position, limit });
  }
}

async function legsAfter(
  sql: Sql,
  query: { readonly accountIds: readonly bigint[]; readonly after: LegPosition; readonly to: Moment },
): Promise<readonly StatementLeg[]> {
  const { accountIds, after, to } = query;
  return sql<StatementLeg>`
    WITH found AS (
      SELECT DISTINCT ON (side.posted_at, side.journal_id, side.leg) side.*
      FROM unnest(${accountIds}::bigint[]) AS own (id)
      CROSS JOIN LATERAL (
        (SELECT posted_at, journal_id, leg, debit_account_id, credit_account_id, amount FROM transfer
         WHERE debit_account_id = own.id AND posted_at < ${to}::timestamptz
           AND (posted_at, journal_id, leg) > (${after.postedAt}::timestamptz, ${after.journalId}::bigint, ${after.leg}::smallint)
         ORDER BY posted_at, journal_id, leg LIMIT ${pageSize})
        UNION ALL
        (SELECT posted_at, journal_id, leg, debit_account_id, credit_account_id, amount FROM transfer
         WHERE credit_account_id = own.id AND posted_at < ${to}::timestamptz
           AND (posted_at, journal_id, leg) > (${after.postedAt}::timestamptz, ${after.journalId}::bigint, ${after.leg}::smallint)
         ORDER BY posted_at, journal_id, leg LIMIT ${pageSize})
      ) AS side
      ORDER BY side.posted_at, side.journal_id, side.leg
      LIMIT ${pageSize}
    )
    SELECT to_char(found.posted_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "postedAt", found.journal_id AS "journalId",
      found.leg, journal.scope, journal.idempotency_key AS key, found.debit_account_id AS "debitAccountId",
      found.credit_account_id AS "creditAccountId", found.amount
    FROM found JOIN journal ON journal.id = found.journal_id
    ORDER BY found.posted_at, found.journal_id, found.leg`;
}

async function legsBefore(
  sql: Sql,
  query: { readonly accountIds: readonly bigint[]; readonly position: LegPosition; readonly limit: number },
): Promise<readonly StatementLeg[]> {
  const { accountIds, limit } = query;
  const { postedAt, journalId, leg } = query.position;
  return sql<StatementLeg>`
    WITH found AS (
      SELECT DISTINCT ON (side.posted_at, side.journal_id, side.leg) side.*
      FROM unnest(${accountIds}::bigint[]) AS own (id)
      CROSS JOIN LATERAL (
        (SELECT posted_at, journal_id, leg, debit_account_id, credit_account_id, amount FROM transfer
         WHERE debit_account_id = own.id
           AND (posted_at, journal_id, leg) < (${postedAt}::timestamptz, ${journalId}::bigint, ${leg}::smallint)
         ORDER BY posted_at DESC, journal_id DESC, leg DESC LIMIT ${limit})
        UNION ALL
        (SELECT posted_at, journal_id, leg, debit_account_id, credit_account_id, amount FROM transfer
         WHERE credit_account_id = own.id
           AND (posted_at, journal_id, leg) < (${postedAt}::timestamptz, ${journalId}::bigint, ${leg}::smallint)
         ORDER BY posted_at DESC, journal_id DESC, leg DESC LIMIT ${limit})
      ) AS side
      ORDER BY side.posted_at DESC, side.journal_id DESC, side.leg DESC
      LIMIT ${limit}
    )
    SELECT to_char(found.posted_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "postedAt", found.journal_id AS "journalId",
      found.leg, journal.scope, journal.idempotency_key AS key, found.debit_account_id AS "debitAccountId",
      found.credit_account_id AS "creditAccountId", found.amount
    FROM found JOIN journal ON journal.id = found.journal_id
    ORDER BY found.posted_at DESC, found.journal_id DESC, found.leg DESC`;
}
