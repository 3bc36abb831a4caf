import type { Database } from '@tollkeeper/database';
import { createBatcher, type ClaimedTransfer } from '@tollkeeper/protocol';
import { claimedTransferOf, type ClaimedTransferRow } from './claimed-transfer-row.js';
import type { PaymentRow } from './payment-row.js';

/** Concurrent callers share their statements, up to so many in one. */
const rowsPerStatement = 200;

/** Reads payment rows. */
export function createPaymentLookups({ sql }: Database) {
  const maximumItems = rowsPerStatement;
  return {
    /** The payment with this id. */
    find: createBatcher({ run: findAll, maximumItems, purpose: 'read' }),
    /** The payment that was claimed with this key. */
    findByClaimKey: createBatcher({ run: findAllByClaimKey, maximumItems, purpose: 'read' }),
    findClaimedTransfers,
    isLost,
  };

  async function findAll(ids: readonly string[]): Promise<readonly (PaymentRow | undefined)[]> {
    const rows = await sql<PaymentRow>`SELECT * FROM payment_status WHERE id = ANY(${ids}::uuid[])`;
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => byId.get(id.toLowerCase()));
  }

  async function findAllByClaimKey(keys: readonly string[]): Promise<readonly (PaymentRow | undefined)[]> {
    const rows = await sql<PaymentRow & { readonly claim_key: string }>`
      SELECT * FROM payment_status WHERE claim_key = ANY(${keys}::text[])`;
    const byKey = new Map(rows.map((row) => [row.claim_key, row]));
    return keys.map((key) => byKey.get(key));
  }

  /** What the payments are to move. */
  async function findClaimedTransfers(ids: readonly string[]): Promise<readonly ClaimedTransfer[]> {
    const rows = await sql<ClaimedTransferRow>`
      SELECT claim_key AS "claimKey", network, token, amount, payer, pay_to AS "payTo", claimed_at_block AS "claimedAtBlock"
      FROM payment WHERE id = ANY(${ids}::uuid[])`;
    return rows.map(claimedTransferOf);
  }

  /** Whether nobody was told success before a reorg took the money back for good. */
  async function isLost(id: string): Promise<boolean> {
    const rows = await sql`
      SELECT FROM payment JOIN effect ON effect.payment_id = payment.id
      WHERE payment.id = ${id}::uuid AND payment.delivered_at IS NULL AND effect.lost_at IS NOT NULL`;
    return rows.length > 0;
  }
}
