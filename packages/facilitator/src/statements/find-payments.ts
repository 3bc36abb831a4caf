import type { Sql } from '@tollkeeper/database';

/** Which payments, and where the page begins. */
export interface PaymentQuery {
  readonly walletId: string | null;
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

/** How many payments one page looks at where no index answers the whole filter. */
const longestSearch = 1_000;

/**
 * The places of one page of the payments that this transaction sees, the newest first. Each address is read from the end of the
 * index that fits the filter best. Where more is asked than that index knows, a page looks at a bounded number of payments and
 * may find few of them, or none; `searchedTo` is then where the next one goes on.
 */
export async function findPayments(
  sql: Sql,
  query: PaymentQuery,
): Promise<{ readonly found: readonly PaymentPosition[]; readonly searchedTo: PaymentPosition | undefined }> {
  const length = conditionsOf(query) > 1 ? Math.max(longestSearch, query.limit) : query.limit;
  const searched = await search(sql, { ...query, ...endOf(query), index: indexFor(query), length });
  return {
    found: searched.filter(({ matches }) => matches).slice(0, query.limit),
    searchedTo: searched.find(({ place }) => Number(place) === length),
  };
}

interface Searched extends PaymentPosition {
  readonly matches: boolean;
  readonly place: bigint;
}

interface Search extends PaymentQuery, PaymentPosition {
  readonly index: 'payer' | 'state' | 'token' | 'time';
  readonly length: number;
}

function conditionsOf({ payer, state, token }: PaymentQuery): number {
  return [payer, state, token].filter((condition) => condition !== null).length;
}

function indexFor({ payer, state, token }: PaymentQuery): Search['index'] {
  if (payer !== null) return 'payer';
  if (state !== null) return 'state';
  return token !== null ? 'token' : 'time';
}

/** What the page has to lie before: one bound and not two, because only the first of two tells the index where to begin. */
function endOf({ to, before }: PaymentQuery): PaymentPosition {
  const cursor = before ?? { claimedAt: 'infinity', id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' };
  if (to === null) return cursor;
  const end = { claimedAt: to.toISOString().replace('Z', '000Z'), id: '00000000-0000-0000-0000-000000000000' };
  return before !== null && before.claimedAt < end.claimedAt ? cursor : end;
}

/** Of the four ways to read an address one is taken; the others are refused before they read anything. */
async function search(sql: Sql, query: Search): Promise<readonly Searched[]> {
  const { walletId, payer, state, token, from, claimedAt, id, index, length } = query;
  return sql<Searched>`
    WITH searched AS (
      SELECT payment.*, row_number() OVER (ORDER BY payment.claimed_at DESC, payment.id DESC) AS place
      FROM deposit_address AS own CROSS JOIN LATERAL (
        (SELECT id, claimed_at, state, token FROM payment
         WHERE ${index}::text = 'time' AND network = own.network AND pay_to = own.address
           AND (claimed_at, id) < (${claimedAt}::timestamptz, ${id}::uuid) AND claimed_at >= coalesce(${from}::timestamptz, '-infinity')
         ORDER BY claimed_at DESC, id DESC LIMIT ${length})
        UNION ALL
        (SELECT id, claimed_at, state, token FROM payment
         WHERE ${index}::text = 'payer' AND network = own.network AND pay_to = own.address AND payer = ${payer}
           AND (claimed_at, id) < (${claimedAt}::timestamptz, ${id}::uuid) AND claimed_at >= coalesce(${from}::timestamptz, '-infinity')
         ORDER BY claimed_at DESC, id DESC LIMIT ${length})
        UNION ALL
        (SELECT id, claimed_at, state, token FROM payment
         WHERE ${index}::text = 'state' AND network = own.network AND pay_to = own.address AND state = ${state}
           AND (claimed_at, id) < (${claimedAt}::timestamptz, ${id}::uuid) AND claimed_at >= coalesce(${from}::timestamptz, '-infinity')
         ORDER BY claimed_at DESC, id DESC LIMIT ${length})
        UNION ALL
        (SELECT id, claimed_at, state, token FROM payment
         WHERE ${index}::text = 'token' AND network = own.network AND pay_to = own.address AND token = ${token}
           AND (claimed_at, id) < (${claimedAt}::timestamptz, ${id}::uuid) AND claimed_at >= coalesce(${from}::timestamptz, '-infinity')
         ORDER BY claimed_at DESC, id DESC LIMIT ${length})
      ) AS payment
      WHERE ${walletId}::uuid IS NULL OR own.wallet_id = ${walletId}::uuid
      ORDER BY place LIMIT ${length}
    ), told AS (
      SELECT id, to_char(claimed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "claimedAt", place,
        (${state}::text IS NULL OR state = ${state}) AND (${token}::text IS NULL OR token = ${token}) AS matches
      FROM searched
    )
    SELECT * FROM told WHERE matches OR place = ${length} ORDER BY place`;
}
