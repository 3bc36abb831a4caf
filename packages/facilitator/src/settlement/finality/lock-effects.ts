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
  const rows = await sql<EffectNow>`
    SELECT id, journal_id AS "journalId", block_hash AS "blockHash", inclusion, reversed_at IS NOT NULL AS "isReversed"
    FROM effect
    WHERE id = ANY(${effects.map(({ id }) => id)}::bigint[]) AND final_at IS NULL AND lost_at IS NULL
    ORDER BY id
    FOR UPDATE`;
  const byId = new Map(effects.map((effect) => [effect.id, effect]));
  return rows.flatMap((now) => {
    const effect = byId.get(now.id);
    return effect !== undefined && isAsRead(effect, now) ? [{ effect, journalId: now.journalId }] : [];
  });
}

interface EffectNow {
  readonly id: bigint;
  readonly journalId: bigint | null;
  readonly blockHash: string;
  readonly inclusion: number;
  readonly isReversed: boolean;
}

function isAsRead(effect: RecordedEffect, now: EffectNow): boolean {
  return (
    effect.block.hash === now.blockHash && effect.inclusion === now.inclusion && effect.isReversed === now.isReversed
  );
}
