import type { Sql } from '@tollkeeper/database';
import { beforeEveryId } from '../uuid.js';

/** Which payments, and where the page begins. */
export interface PaymentQuery {
  readonly walletId: string | null;
  readonly network: string | null;
  readonly payer: string | null;
  readonly state: string | null;
  readonly token: string | null;
  /** Claimed at this time or later. */
  readonly from: Date | null;
  /** Claimed before this time. */
  readonly to: Date | null;
  /** Where the page before ended. */
  readonly before: PaymentPosition | null;
  readonly limit: number;
}

/** A place in the list: microseconds, because two payments of one millisecond have an order too. */
export interface PaymentPosition {
  readonly id: string;
  readonly claimedAt: string;
}

/** How many payments of one list a page looks at, where not every one of them is what it asks for. */
const longestSearch = 1_000;

/**
 * The places of one page of the payments that this transaction sees, the newest first. They are read from the ends of lists that
 * hold everything asked for and as little else as the indexes allow. A page looks at a bounded number of payments in each list,
 * so that it may find few, or none; `searchedTo` is then where the next one goes on.
 */
export async function findPayments(
  sql: Sql,
  query: PaymentQuery,
): Promise<{ readonly found: readonly PaymentPosition[]; readonly searchedTo: PaymentPosition | undefined }> {
  const rows = await search(sql, { ...query, ...endOf(query), lists: listsFor(query), states: statesOf(query) });
  // Beyond the place where the search of one list broke off, what the others hold may not come next.
  const end = rows.findIndex(({ breaksOff }) => breaksOff);
  const sure = end === -1 ? rows : rows.slice(0, end + 1);
  return { found: sure.filter(({ matches }) => matches), searchedTo: rows[end] };
}

interface Searched extends PaymentPosition {
  readonly matches: boolean;
  /** The search of its list ended here, perhaps before the list did. */
  readonly breaksOff: boolean;
}

interface Search extends PaymentQuery, PaymentPosition {
  readonly lists: 'payer' | 'in flight' | 'failed' | 'token';
  readonly states: readonly string[] | null;
}

function listsFor({ payer, state }: PaymentQuery): Search['lists'] {
  if (payer !== null) return 'payer';
  if (state === 'claimed' || state === 'submitted') return 'in flight';
  return state === 'failed' ? 'failed' : 'token';
}

/** A claim that was refused is shown as claimed until it is forgotten. */
function statesOf({ state }: PaymentQuery): readonly string[] | null {
  if (state === null) return null;
  return state === 'claimed' ? ['claimed', 'refused'] : [state];
}

/** What the page has to lie before: one bound and not two, because only the first of two tells the index where to begin. */
function endOf({ to, before }: PaymentQuery): PaymentPosition {
  const cursor = before ?? { claimedAt: 'infinity', id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' };
  if (to === null) return cursor;
  const end = { claimedAt: to.toISOString().replace('Z', '000Z'), id: beforeEveryId };
  return before !== null && before.claimedAt < end.claimedAt ? cursor : end;
}

/**
 * Of four kinds of lists one is read; the others are refused before anything of theirs is. An address has a list for each payer,
 * for each token, and for what failed in each token; what is in flight is one list for everybody, because it is short.
 */
async function search(sql: Sql, query: Search): Promise<readonly Searched[]> {
  const { walletId, network, payer, token, claimedAt, id, limit, lists, states } = query;
  const from = query.from?.toISOString() ?? '-infinity';
  return sql<Searched>`
    WITH RECURSIVE own AS (
      SELECT network, address FROM deposit_address
      WHERE (${walletId}::uuid IS NULL OR wallet_id = ${walletId}::uuid) AND (${network}::text IS NULL OR network = ${network})
    ), each_token AS (
      -- From one token of an address to the next, without reading what lies between.
      SELECT network, address, '' AS token FROM own WHERE ${lists}::text IN ('token', 'failed')
      UNION ALL
      SELECT network, address, (
        SELECT token FROM payment
        WHERE network = each_token.network AND pay_to = each_token.address AND token > each_token.token
        ORDER BY token LIMIT 1)
      FROM each_token WHERE token IS NOT NULL
    ), list AS (
      SELECT * FROM each_token WHERE token <> '' AND (${token}::text IS NULL OR token = ${token})
    ), searched AS (
      SELECT found.* FROM list CROSS JOIN LATERAL (
        SELECT * FROM (
          SELECT id, claimed_at, ${states}::text[] IS NULL OR state = ANY(${states}::text[]) AS matches,
            row_number() OVER (ORDER BY claimed_at DESC, id DESC) = ${longestSearch} AS "breaksOff"
          FROM payment
          WHERE ${lists}::text = 'token' AND network = list.network AND pay_to = list.address AND token = list.token
            AND (claimed_at, id) < (${claimedAt}::timestamptz, ${id}::uuid) AND claimed_at >= ${from}::timestamptz
          ORDER BY claimed_at DESC, id DESC LIMIT ${longestSearch}
        ) AS looked WHERE matches OR "breaksOff" ORDER BY claimed_at DESC, id DESC LIMIT ${limit}
      ) AS found
      UNION ALL
      SELECT found.* FROM list CROSS JOIN LATERAL (
        SELECT id, claimed_at, true AS matches, false AS "breaksOff"
        FROM payment
        WHERE ${lists}::text = 'failed' AND network = list.network AND pay_to = list.address AND token = list.token
          AND (claimed_at, id) < (${claimedAt}::timestamptz, ${id}::uuid) AND claimed_at >= ${from}::timestamptz
          AND failed_at IS NOT NULL
        ORDER BY claimed_at DESC, id DESC LIMIT ${limit}
      ) AS found
      UNION ALL
      SELECT found.* FROM own CROSS JOIN LATERAL (
        SELECT * FROM (
          SELECT id, claimed_at,
            (${states}::text[] IS NULL OR state = ANY(${states}::text[])) AND (${token}::text IS NULL OR token = ${token}) AS matches,
            row_number() OVER (ORDER BY claimed_at DESC, id DESC) = ${longestSearch} AS "breaksOff"
          FROM payment
          WHERE ${lists}::text = 'payer' AND network = own.network AND pay_to = own.address AND payer = ${payer}
            AND (claimed_at, id) < (${claimedAt}::timestamptz, ${id}::uuid) AND claimed_at >= ${from}::timestamptz
          ORDER BY claimed_at DESC, id DESC LIMIT ${longestSearch}
        ) AS looked WHERE matches OR "breaksOff" ORDER BY claimed_at DESC, id DESC LIMIT ${limit}
      ) AS found
      UNION ALL
      (SELECT id, claimed_at, true, false
       FROM payment
       WHERE ${lists}::text = 'in flight' AND id = ANY(ARRAY(SELECT payment_id FROM payment_in_flight)) AND state = ANY(${states}::text[])
         AND (${token}::text IS NULL OR token = ${token})
         AND (${walletId}::uuid IS NULL OR (network, pay_to) IN (SELECT network, address FROM own))
         AND (${network}::text IS NULL OR network = ${network})
         AND (claimed_at, id) < (${claimedAt}::timestamptz, ${id}::uuid) AND claimed_at >= ${from}::timestamptz
       ORDER BY claimed_at DESC, id DESC LIMIT ${limit})
    )
    SELECT id, to_char(claimed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "claimedAt", matches, "breaksOff"
    FROM searched ORDER BY claimed_at DESC, id DESC LIMIT ${limit}`;
}
