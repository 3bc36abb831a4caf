import type { Sql } from '@tollkeeper/database';
import { amount as amountOf, type Amount, type Asset, Fault, type Network } from '@tollkeeper/protocol';
import type { Ledger } from './ledger.js';
import { withWalletFaults } from './rule-violations.js';

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

export interface ChargeRequest {
  readonly id: string;
  readonly payerWalletId: string;
  readonly payeeWalletId: string;
  readonly asset: Asset;
  readonly amount: Amount;
  readonly reference?: string | undefined;
}

export interface RefundRequest {
  readonly chargeId: string;
  readonly refundId: string;
  /** What is given back, all that is left where it is not said. */
  readonly amount?: Amount | undefined;
}

/** The scopes of the journals of charges and of refunds; their keys are the ids of these. */
const chargeScope = 'charge';
const chargeRefundScope = 'charge_refund';

export type Charges = ReturnType<typeof createCharges>;

/** Charges and their refunds, each in one call. Everything runs in the caller's transaction, which is over after any error. */
export function createCharges(parts: { readonly ledger: Ledger }) {
  return { charge, refund, find: readCharge };

  /** @throws Fault `BALANCE_INSUFFICIENT`, `TRANSFER_TO_ITSELF`, `WALLET_CLOSED` */
  async function charge(sql: Sql, request: ChargeRequest): Promise<Charge> {
    const { id, payerWalletId, payeeWalletId, asset, amount, reference } = request;
    return withWalletFaults({ id }, async () => {
      await sql`
        INSERT INTO charge (id, payer_wallet_id, payee_wallet_id, asset_id, amount, reference)
        VALUES (${id}::uuid, ${payerWalletId}::uuid, ${payeeWalletId}::uuid, ${await parts.ledger.assetId(sql, asset)},
          ${amount}, ${reference ?? null})`;
      const debit = { kind: 'merchant_available', owner: payerWalletId } as const;
      const credit = { kind: 'merchant_available', owner: payeeWalletId } as const;
      await parts.ledger.post(sql, { scope: chargeScope, key: id, legs: [{ debit, credit, asset, amount }] });
      return readCharge(sql, id);
    });
  }

  /**
   * Gives all or part of a charge back. The refunds of a charge never add up to more than the charge.
   * @throws Fault `CHARGE_NOT_FOUND`, `REFUND_EXCEEDS_CHARGE`, `BALANCE_INSUFFICIENT` of the payee, `WALLET_CLOSED`
   */
  async function refund(sql: Sql, { chargeId, refundId, amount }: RefundRequest): Promise<Charge> {
    const { asset, ...charged } = await readCharge(sql, chargeId);
    const returned = amount ?? amountOf(charged.amount - charged.refunded);
    if (returned === 0n) throw new Fault('REFUND_EXCEEDS_CHARGE', { id: chargeId });
    return withWalletFaults({ id: chargeId }, async () => {
      await sql`
        INSERT INTO charge_refund (id, charge_id, amount) VALUES (${refundId}::uuid, ${chargeId}::uuid, ${returned})`;
      const debit = { kind: 'merchant_available', owner: charged.payeeWalletId } as const;
      const credit = { kind: 'merchant_available', owner: charged.payerWalletId } as const;
      const legs = [{ debit, credit, asset, amount: returned }];
      await parts.ledger.post(sql, { scope: chargeRefundScope, key: refundId, legs });
      return readCharge(sql, chargeId);
    });
  }
}

/** @throws Fault `CHARGE_NOT_FOUND` where this transaction sees no such charge */
async function readCharge(sql: Sql, id: string): Promise<Charge> {
  const [row] = await sql<ChargeRow>`
    SELECT charge.id, payer_wallet_id AS "payerWalletId", payee_wallet_id AS "payeeWalletId", asset.network, asset.token,
      amount, refunded, reference, created_at AS "createdAt"
    FROM charge
    JOIN asset ON asset.id = charge.asset_id
    WHERE charge.id = ${id}::uuid`;
  if (row === undefined) throw new Fault('CHARGE_NOT_FOUND', { id });
  const { network, token, amount, refunded, reference, ...rest } = row;
  return {
    ...rest,
    asset: { network, token },
    amount: amountOf(amount),
    refunded: amountOf(refunded),
    reference: reference ?? undefined,
  };
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
