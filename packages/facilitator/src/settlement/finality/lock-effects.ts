import type { Sql } from '@tollkeeper/database';
import type { RecordedEffect } from './recorded-effect.js';

/** An effect whose row is locked by this transaction and is as it was read. */
export interface LockedEffect {
  readonly effect: RecordedEffect;
  /** Its credit; null where the money went to somebody else's address. */
  readonly journalId: bigint | null;
}

/**
 * Locks those of the effects of one network that nobody has changed since they were read, in one order everywhere. A row that
 * is final never is as it was read, because only those that are not final are read.
 */
export async function lockEffects(sql: Sql, effects: readonly RecordedEffect[]): Promise<readonly LockedEffect[]> {
  const [first] = effects;
  if (first === undefined) return [];
  const rows = await sql<{ transaction: string; position: string; journalId: bigint | null }>`
    SELECT effect.transaction, effect.position, effect.journal_id AS "journalId"
    FROM effect
    JOIN unnest(
      ${effects.map(({ transaction }) => transaction)}::text[],
      ${effects.map(({ position }) => position)}::text[],
      ${effects.map(({ block }) => block.hash)}::text[],
      ${effects.map(({ inclusion }) => inclusion)}::integer[],
      ${effects.map(({ isReversed }) => isReversed)}::boolean[]
    ) AS seen (transaction, position, block_hash, inclusion, is_reversed)
      ON seen.transaction = effect.transaction AND seen.position = effect.position
      AND seen.block_hash = effect.block_hash AND seen.inclusion = effect.inclusion
      AND seen.is_reversed = (effect.reversed_at IS NOT NULL)
    WHERE effect.network = ${first.network} AND effect.final_at IS NULL AND effect.lost_at IS NULL
    ORDER BY effect.transaction, effect.position
    FOR UPDATE OF effect`;
  const byPlace = new Map(effects.map((effect) => [placeOf(effect), effect]));
  return rows.flatMap((row) => {
    const effect = byPlace.get(placeOf(row));
    return effect === undefined ? [] : [{ effect, journalId: row.journalId }];
  });
}

function placeOf({ transaction, position }: { readonly transaction: string; readonly position: string }): string {
  return `${transaction}/${position}`;
}
