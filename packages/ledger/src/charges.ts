import type { Sql } from '@tollkeeper/database';
import { amount as amountOf, type Amount, type Asset, Fault } from '@tollkeeper/protocol';
import { type Charge, listCharges, readCharge } from './charge-row.js';
import type { Ledger } from './ledger.js';
import { withWalletFaults } from './rule-violations.js';

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
  return { charge, refund, find: readCharge, list: listCharges };

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
