import type { Database, Sql } from '@tollkeeper/database';
import type { Chain } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { foreignAfterMs } from './foreign-places.js';
import type { HeldLane } from './lanes.js';
import type { PlaceEvent } from './place-event.js';

/**
 * Skips places in a signer's order that the chain has filled without us, so that no more is signed for them, and tells the
 * operator: somebody else has the key of the signer. Only what a node tells again and again counts, because a lane that went
 * too far does not come back; what is signed meanwhile is found to have lost its place, and gets another one.
 */
export function createSkippedPlaces(parts: {
  readonly database: Database;
  readonly chain: Chain;
  readonly processId: string;
  readonly onEvent: (event: PlaceEvent) => void;
  readonly log: Logger;
}) {
  const { database, chain, processId, onEvent, log } = parts;
  const { network } = chain;
  /** Since when the chain is seen ahead of each signer's lane, in the process's time, and how far it was at least. */
  const aheadSince = new Map<string, { readonly ms: number; readonly lowest: bigint }>();

  return async function skipUsed(lane: HeldLane, next: bigint): Promise<void> {
    if (!(await isAhead(lane, next))) {
      aheadSince.delete(lane.signer);
      return;
    }
    const certain = seenForLong(lane.signer, next);
    if (certain === undefined) return;
    aheadSince.delete(lane.signer);
    const skipped = await skipUsedNonces(database.sql, { ...lane, network, processId, next: certain });
    if (skipped === 0n) return;
    onEvent('foreign');
    const fields = { network, signer: lane.signer, places: skipped.toString(), next: certain.toString() };
    log.error(fields, 'transactions that are not ours used account nonces of a signer');
  };

  async function isAhead({ signer }: HeldLane, next: bigint): Promise<boolean> {
    const rows = await database.sql`
      SELECT FROM lane WHERE network = ${network} AND signer = ${signer} AND next_account_nonce < ${next}`;
    return rows.length === 1;
  }

  /** The lowest account nonce that was told in every look, when that is so for long enough. */
  function seenForLong(signer: string, next: bigint): bigint | undefined {
    const nowMs = performance.now();
    const { ms, lowest } = aheadSince.get(signer) ?? { ms: nowMs, lowest: next };
    const since = { ms, lowest: next < lowest ? next : lowest };
    aheadSince.set(signer, since);
    return nowMs - ms >= foreignAfterMs ? since.lowest : undefined;
  }
}

/** Answers how many places were skipped: none when the lane is there already, or has gone to another process. */
export async function skipUsedNonces(
  sql: Sql,
  lane: HeldLane & { readonly network: string; readonly processId: string; readonly next: bigint },
): Promise<bigint> {
  const [row] = await sql<{ skipped: bigint }>`
    UPDATE lane SET next_account_nonce = ${lane.next}
    FROM (
      SELECT network, signer, next_account_nonce FROM lane
      WHERE network = ${lane.network} AND signer = ${lane.signer} AND holder = ${lane.processId}::uuid
        AND fencing_token = ${lane.fencingToken} AND next_account_nonce < ${lane.next}
      FOR UPDATE
    ) AS before
    WHERE lane.network = before.network AND lane.signer = before.signer
    RETURNING lane.next_account_nonce - before.next_account_nonce AS skipped`;
  return row?.skipped ?? 0n;
}
