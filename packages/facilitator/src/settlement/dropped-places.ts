import type { Database } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import type { Chain } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { findTransactions, type SentTransaction } from './chain-transactions.js';
import { lockLane, type HeldLane } from './lanes.js';
import { takeBackFees, type NetworkFee } from './network-fees.js';
import type { SettlementEvents } from './settlement-events.js';

/**
 * Fills the next place of a signer again where a reorg dropped what was closed there; later transactions wait for it. The same
 * bytes are sent at once. Where no block takes them for a while, the fee may have risen: they are open again then, and are outbid
 * and closed like any other. A node that is behind makes us open what is mined, and that is found and closed again.
 */
export function createDroppedPlaces(parts: {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly chain: Chain;
  readonly processId: string;
  readonly openAfterMs: number;
  readonly track: (sent: SentTransaction) => void;
  readonly events: Pick<SettlementEvents, 'onResend'>;
  readonly log: Logger;
}) {
  const { database, chain, processId, log } = parts;
  const { network } = chain;
  /** Since when the next place of each signer is seen empty, in the process's time. */
  const emptySince = new Map<string, { readonly accountNonce: bigint; readonly ms: number }>();

  return async function refill(lane: HeldLane, { next, pending }: Look): Promise<void> {
    const isOpen = pending.some(({ accountNonce }) => accountNonce === next);
    const dropped = isOpen ? [] : await findAt({ signer: lane.signer, accountNonce: next });
    if (dropped.length === 0) {
      emptySince.delete(lane.signer);
      return;
    }
    for (const { id, raw } of dropped) {
      parts.events.onResend({ network });
      await chain.broadcast({ id, raw, signer: lane.signer, accountNonce: next });
    }
    if (isEmptyForLong(lane.signer, next)) await open(lane, next);
  };

  function isEmptyForLong(signer: string, accountNonce: bigint): boolean {
    const before = emptySince.get(signer);
    const since = before?.accountNonce === accountNonce ? before : { accountNonce, ms: performance.now() };
    emptySince.set(signer, since);
    return performance.now() - since.ms >= parts.openAfterMs;
  }

  /** All bidders of the place: any of them may be mined. */
  async function open(lane: HeldLane, accountNonce: bigint): Promise<void> {
    const { signer } = lane;
    const ids = await database.transaction(async (sql) => {
      if (!(await lockLane(sql, { ...lane, network, processId }))) return [];
      const closed = await sql<ClosedRow>`
        SELECT transaction AS id, fee_paid AS paid, reopened FROM chain_transaction
        WHERE network = ${network} AND signer = ${signer} AND account_nonce = ${accountNonce} AND state <> 'pending'
        ORDER BY id
        FOR UPDATE`;
      await sql`
        UPDATE chain_transaction SET state = 'pending', fee_paid = NULL, concluded_at = NULL, reopened = reopened + 1
        WHERE network = ${network} AND transaction = ANY(${closed.map(({ id }) => id)}::text[])`;
      await takeBackFees(
        { sql, ledger: parts.ledger },
        closed.flatMap((row) => feeOf(row, { network, signer })),
      );
      return closed.map(({ id }) => id);
    });
    for (const sent of await findTransactions(database, { network, ids })) parts.track(sent);
    if (ids.length > 0) {
      const fields = { network, signer, accountNonce: accountNonce.toString(), transactions: ids };
      log.warn(fields, 'no block takes again what a reorg dropped; its place is open again');
    }
  }

  function findAt({ signer, accountNonce }: { readonly signer: string; readonly accountNonce: bigint }) {
    return database.sql<{ id: string; raw: Uint8Array }>`
      SELECT transaction AS id, raw FROM chain_transaction
      WHERE network = ${network} AND signer = ${signer} AND account_nonce = ${accountNonce} ORDER BY id DESC`;
  }
}

interface ClosedRow {
  readonly id: string;
  readonly paid: bigint | null;
  readonly reopened: number;
}

function feeOf({ id, paid, reopened }: ClosedRow, of: Pick<NetworkFee, 'network' | 'signer'>): readonly NetworkFee[] {
  return paid === null ? [] : [{ ...of, transaction: id, paid, reopened }];
}

/** What a look at a lane found. */
interface Look {
  /** The account nonce that the chain wants next. */
  readonly next: bigint;
  readonly pending: readonly SentTransaction[];
}
