import type { Sql } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';

/** A payment to one of a merchant's wallets, as its list shows it. */
export interface WalletPayment {
  readonly id: string;
  readonly walletId: string;
  readonly state: 'claimed' | 'submitted' | 'settled' | 'failed';
  readonly network: Network;
  readonly asset: string;
  /** Minor units, before fees. */
  readonly amount: bigint;
  readonly payer: string;
  readonly payTo: string;
  readonly transaction: string | null;
  /** Whether the chain can still undo it; null while nothing is on chain. */
  readonly finality: 'confirmed' | 'final' | 'reversed' | null;
  /** What it cost and what is left of it, once it is final. */
  readonly fee: bigint | null;
  readonly net: bigint | null;
  readonly claimedAt: Date;
  readonly concludedAt: Date | null;
}

/** Which payments, and where the page begins. */
export interface PaymentQuery {
  readonly walletId: string | null;
  readonly payer: string | null;
  readonly state: string | null;
  readonly token: string | null;
  readonly from: Date | null;
  readonly to: Date | null;
  readonly before: PaymentPosition | null;
  readonly limit: number;
}

/** A place in the list: microseconds, because two payments of one millisecond have an order too. */
export interface PaymentPosition {
  readonly id: string;
  readonly claimedAt: string;
}

/**
 * One page of the payments that this transaction sees, the newest first. Each address is read from the end of the index that
 * fits the filter best, and no further than one page, however many payments there are.
 */
export async function listPayments(
  sql: Sql,
  query: PaymentQuery,
): Promise<{ readonly payments: readonly WalletPayment[]; readonly positions: readonly PaymentPosition[] }> {
  const find = query.payer !== null ? ofPayer : query.state !== null ? inState : query.token !== null ? ofToken : all;
  const positions = await find(sql, {
    ...query,
    at: query.before?.claimedAt ?? 'infinity',
    id: query.before?.id ?? last,
  });
  const ids = positions.map(({ id }) => id);
  return { positions, payments: await readPayments(sql, ids) };
}

/** After every id, so that the first page begins at the end. */
const last = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The payments of these ids that this transaction sees, the newest first. */
export async function readPayments(sql: Sql, ids: readonly string[]): Promise<readonly WalletPayment[]> {
  return sql<WalletPayment>`
    SELECT payment.id, deposit.wallet_id AS "walletId",
      CASE payment.state WHEN 'refused' THEN 'claimed' ELSE payment.state END AS state, payment.network,
      payment.token AS asset, payment.amount, payment.payer, payment.pay_to AS "payTo", payment.transaction,
      CASE WHEN effect.final_at IS NOT NULL THEN 'final' WHEN effect.reversed_at IS NOT NULL THEN 'reversed'
           WHEN effect.id IS NOT NULL THEN 'confirmed' END AS finality,
      CASE WHEN effect.final_at IS NOT NULL THEN payment.amount - coalesce(shared.net, payment.amount) END AS fee,
      CASE WHEN effect.final_at IS NOT NULL THEN coalesce(shared.net, payment.amount) END AS net,
      payment.claimed_at AS "claimedAt", payment.concluded_at AS "concludedAt"
    FROM payment
    JOIN deposit_address AS deposit ON deposit.network = payment.network AND deposit.address = payment.pay_to
    LEFT JOIN effect ON effect.payment_id = payment.id
    LEFT JOIN payment_fee AS shared ON shared.payment_id = payment.id
    WHERE payment.id = ANY(${ids}::uuid[])
    ORDER BY payment.claimed_at DESC, payment.id DESC`;
}

type Search = PaymentQuery & { readonly at: string; readonly id: string };

async function all(sql: Sql, { walletId, from, to, at, id, limit }: Search): Promise<readonly PaymentPosition[]> {
  return sql<PaymentPosition>`
    SELECT found.id, to_char(found.claimed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "claimedAt"
    FROM deposit_address AS own CROSS JOIN LATERAL (
      SELECT id, claimed_at FROM payment
      WHERE network = own.network AND pay_to = own.address
        AND (claimed_at, id) < (${at}::timestamptz, ${id}::uuid)
        AND claimed_at >= coalesce(${from}::timestamptz, '-infinity') AND claimed_at < coalesce(${to}::timestamptz, 'infinity')
      ORDER BY claimed_at DESC, id DESC LIMIT ${limit}
    ) AS found
    WHERE ${walletId}::uuid IS NULL OR own.wallet_id = ${walletId}::uuid
    ORDER BY found.claimed_at DESC, found.id DESC LIMIT ${limit}`;
}

async function ofPayer(sql: Sql, search: Search): Promise<readonly PaymentPosition[]> {
  const { walletId, payer, state, token, from, to, at, id, limit } = search;
  return sql<PaymentPosition>`
    SELECT found.id, to_char(found.claimed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "claimedAt"
    FROM deposit_address AS own CROSS JOIN LATERAL (
      SELECT id, claimed_at FROM payment
      WHERE network = own.network AND pay_to = own.address AND payer = ${payer}
        AND (${state}::text IS NULL OR state = ${state}) AND (${token}::text IS NULL OR token = ${token})
        AND (claimed_at, id) < (${at}::timestamptz, ${id}::uuid)
        AND claimed_at >= coalesce(${from}::timestamptz, '-infinity') AND claimed_at < coalesce(${to}::timestamptz, 'infinity')
      ORDER BY claimed_at DESC, id DESC LIMIT ${limit}
    ) AS found
    WHERE ${walletId}::uuid IS NULL OR own.wallet_id = ${walletId}::uuid
    ORDER BY found.claimed_at DESC, found.id DESC LIMIT ${limit}`;
}

async function inState(sql: Sql, search: Search): Promise<readonly PaymentPosition[]> {
  const { walletId, state, token, from, to, at, id, limit } = search;
  return sql<PaymentPosition>`
    SELECT found.id, to_char(found.claimed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "claimedAt"
    FROM deposit_address AS own CROSS JOIN LATERAL (
      SELECT id, claimed_at FROM payment
      WHERE network = own.network AND pay_to = own.address AND state = ${state}
        AND (${token}::text IS NULL OR token = ${token})
        AND (claimed_at, id) < (${at}::timestamptz, ${id}::uuid)
        AND claimed_at >= coalesce(${from}::timestamptz, '-infinity') AND claimed_at < coalesce(${to}::timestamptz, 'infinity')
      ORDER BY claimed_at DESC, id DESC LIMIT ${limit}
    ) AS found
    WHERE ${walletId}::uuid IS NULL OR own.wallet_id = ${walletId}::uuid
    ORDER BY found.claimed_at DESC, found.id DESC LIMIT ${limit}`;
}

async function ofToken(sql: Sql, search: Search): Promise<readonly PaymentPosition[]> {
  const { walletId, token, from, to, at, id, limit } = search;
  return sql<PaymentPosition>`
    SELECT found.id, to_char(found.claimed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "claimedAt"
    FROM deposit_address AS own CROSS JOIN LATERAL (
      SELECT id, claimed_at FROM payment
      WHERE network = own.network AND pay_to = own.address AND token = ${token}
        AND (claimed_at, id) < (${at}::timestamptz, ${id}::uuid)
        AND claimed_at >= coalesce(${from}::timestamptz, '-infinity') AND claimed_at < coalesce(${to}::timestamptz, 'infinity')
      ORDER BY claimed_at DESC, id DESC LIMIT ${limit}
    ) AS found
    WHERE ${walletId}::uuid IS NULL OR own.wallet_id = ${walletId}::uuid
    ORDER BY found.claimed_at DESC, found.id DESC LIMIT ${limit}`;
}
