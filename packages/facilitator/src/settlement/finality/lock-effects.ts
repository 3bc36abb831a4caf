import type { Sql } from '@tollkeeper/database';
import type { RecordedEffect } from './recorded-effect.js';

/** An effect whose row is locked by this transaction and is as it was read. */
export interface LockedEffect {
  readonly effect: RecordedEffect;
  /** Its credit; null where the money went to somebody else's address. */
  readonly journalId: bigint | null;
}

/**
 * Locks those of the effects that nobody has changed since they were read, in one order everywhere. What is final or lost was
 * changed, because only what is neither is read.
 */
export async function lockEffects(sql: Sql, effects: readonly RecordedEffect[]): Promise<readonly LockedEffect[]> {
  const rows = await sql<{ id: bigint; journalId: bigint | null }>`
    SELECT effect.id, effect.journal_id AS "journalId"
    FROM effect
    JOIN unnest(
      ${effects.map(({ id }) => id)}::bigint[],
      ${effects.map(({ block }) => block.hash)}::text[],
      ${effects.map(({ inclusion }) => inclusion)}::integer[],
      ${effects.map(({ isReversed }) => isReversed)}::boolean[]
    ) AS seen (id, block_hash, inclusion, is_reversed)
      ON seen.id = effect.id AND seen.block_hash = effect.block_hash AND seen.inclusion = effect.inclusion
      AND seen.is_reversed = (effect.reversed_at IS NOT NULL)
    WHERE effect.final_at IS NULL AND effect.lost_at IS NULL
    ORDER BY effect.id
    FOR UPDATE OF effect`;
  const byId = new Map(effects.map((effect) => [effect.id, effect]));
  return rows.flatMap(({ id, journalId }) => {
    const effect = byId.get(id);
    return effect === undefined ? [] : [{ effect, journalId }];
  });
}
