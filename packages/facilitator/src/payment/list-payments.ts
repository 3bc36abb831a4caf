import type { Database, Sql } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import { findPayments, type PaymentPosition, type PaymentQuery } from '../statements/find-payments.js';

/** A payment as an operator finds it. Amounts are minor units of the token. */
export interface ListedPayment {
  readonly id: string;
  readonly state: string;
  readonly network: Network;
  readonly token: string;
  readonly amount: bigint;
  readonly payer: string;
  readonly payTo: string;
  readonly transaction: string | null;
  readonly failureReason: string | null;
  readonly claimedAt: Date;
}

export interface PaymentFilter {
  readonly wallet?: string | undefined;
  readonly state?: string | undefined;
  readonly network?: string | undefined;
  readonly payer?: string | undefined;
  readonly limit: number;
}

/** Payments of every merchant, newest first. */
export async function listPayments({ sql }: Database, filter: PaymentFilter): Promise<readonly ListedPayment[]> {
  const { wallet } = filter;
  const ids =
    wallet === undefined ? await findAmongAll(sql, filter) : await findPaymentsOfWallet(sql, { ...filter, wallet });
  return sql<ListedPayment>`
    SELECT id, state, network, token, amount, payer, pay_to AS "payTo", transaction, failure_reason AS "failureReason",
      claimed_at AS "claimedAt"
    FROM payment WHERE id = ANY(${ids}::uuid[]) ORDER BY id DESC`;
}

/** Ids grow with time, so that their index ends with the newest payments. */
async function findAmongAll(sql: Sql, { state, network, payer, limit }: PaymentFilter): Promise<readonly string[]> {
  const rows = await sql<{ id: string }>`
    SELECT id FROM payment
    WHERE (${state ?? null}::text IS NULL OR state = ${state ?? null})
      AND (${network ?? null}::text IS NULL OR network = ${network ?? null})
      AND (${payer ?? null}::text IS NULL OR payer = ${payer ?? null})
    ORDER BY id DESC LIMIT ${limit}`;
  return rows.map(({ id }) => id);
}

/** Page after page, because each looks at a bounded number of payments. */
async function findPaymentsOfWallet(
  sql: Sql,
  { wallet, state, network, payer, limit }: PaymentFilter & { readonly wallet: string },
): Promise<readonly string[]> {
  const filter = {
    walletId: wallet,
    state: state ?? null,
    network: network ?? null,
    payer: payer ?? null,
    token: null,
  };
  const ids: string[] = [];
  let before: PaymentPosition | null | undefined = null;
  while (before !== undefined && ids.length < limit) {
    const query: PaymentQuery = { ...filter, from: null, to: null, before, limit: limit - ids.length };
    const page = await findPayments(sql, query);
    ids.push(...page.found.map(({ id }) => id));
    before = page.searchedTo;
  }
  return ids;
}
