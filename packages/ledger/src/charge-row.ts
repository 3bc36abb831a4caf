import type { Sql } from '@tollkeeper/database';
import { amount as amountOf, type Amount, type Asset, Fault, type Network } from '@tollkeeper/protocol';
import { lastId, type WalletPage } from './wallet-page.js';

/** Money that one wallet took from another at once, for something it delivered. */
export interface Charge {
  readonly id: string;
  readonly payerWalletId: string;
  readonly payeeWalletId: string;
  readonly asset: Asset;
  readonly amount: Amount;
  /** What was given back of it so far. */
  readonly refunded: Amount;
  readonly reference: string | undefined;
  readonly createdAt: Date;
}

/** @throws Fault `CHARGE_NOT_FOUND` where this transaction sees no such charge */
export async function readCharge(sql: Sql, id: string): Promise<Charge> {
  const [charge] = await readCharges(sql, [id]);
  if (charge === undefined) throw new Fault('CHARGE_NOT_FOUND', { id });
  return charge;
}

/** One page of what wallets were charged and charged others, the newest first: of each no more is read than the page holds. */
export async function listCharges(sql: Sql, page: WalletPage): Promise<readonly Charge[]> {
  const { walletIds, before = lastId, limit } = page;
  const found = await sql<{ id: string }>`
    SELECT paid.id FROM unnest(${walletIds}::uuid[]) AS wallet (id) CROSS JOIN LATERAL (
      SELECT id FROM charge WHERE payer_wallet_id = wallet.id AND id < ${before}::uuid ORDER BY id DESC LIMIT ${limit}
    ) AS paid
    UNION
    SELECT earned.id FROM unnest(${walletIds}::uuid[]) AS wallet (id) CROSS JOIN LATERAL (
      SELECT id FROM charge WHERE payee_wallet_id = wallet.id AND id < ${before}::uuid ORDER BY id DESC LIMIT ${limit}
    ) AS earned
    ORDER BY id DESC LIMIT ${limit}`;
  return readCharges(
    sql,
    found.map(({ id }) => id),
  );
}

async function readCharges(sql: Sql, ids: readonly string[]): Promise<readonly Charge[]> {
  const rows = await sql<ChargeRow>`
    SELECT charge.id, payer_wallet_id AS "payerWalletId", payee_wallet_id AS "payeeWalletId", asset.network, asset.token,
      amount, refunded, reference, created_at AS "createdAt"
    FROM charge
    JOIN asset ON asset.id = charge.asset_id
    WHERE charge.id = ANY (${ids}::uuid[])
    ORDER BY charge.id DESC`;
  return rows.map(chargeOf);
}

interface ChargeRow {
  readonly id: string;
  readonly payerWalletId: string;
  readonly payeeWalletId: string;
  readonly network: Network;
  readonly token: string;
  readonly amount: bigint;
  readonly refunded: bigint;
  readonly reference: string | null;
  readonly createdAt: Date;
}

function chargeOf({ network, token, amount, refunded, reference, ...rest }: ChargeRow): Charge {
  return {
    ...rest,
    asset: { network, token },
    amount: amountOf(amount),
    refunded: amountOf(refunded),
    reference: reference ?? undefined,
  };
}
