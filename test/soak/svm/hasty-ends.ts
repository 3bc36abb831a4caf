import type { Database } from '@tollkeeper/database';
import { solanaDevnet } from '@tollkeeper/protocol';
import { commitmentLag } from './commitment.js';
import { readTransaction } from './sent-transaction.js';
import type { SlotRecord } from './slot-record.js';
import type { SvmPayments } from './svm-payments.js';

/** A blockhash is good for this many blocks after its own. */
const blockhashLifetime = 150;

/** Names the transactions that were given up while a block that was not final yet could hold them. */
export async function findHasty({
  database,
  slots,
  payments,
}: {
  readonly database: Database;
  readonly slots: SlotRecord;
  readonly payments: SvmPayments;
}): Promise<readonly string[]> {
  const expired = await database.sql<{ transaction: string; raw: Uint8Array; concludedAt: Date }>`
    SELECT transaction, raw, concluded_at AS "concludedAt" FROM chain_transaction
    WHERE network = ${solanaDevnet} AND state = 'expired'`;
  return expired.flatMap(({ transaction, raw, concludedAt }) => {
    const { payerSignature } = readTransaction(Buffer.from(raw).toString('base64'));
    const last = payments.slotOf(payerSignature) + blockhashLifetime;
    const final = slots.slotAt(concludedAt.getTime()) - commitmentLag.finalized;
    return final > last ? [] : [`${transaction} was given up at the final slot ${final}, and was good until ${last}`];
  });
}
