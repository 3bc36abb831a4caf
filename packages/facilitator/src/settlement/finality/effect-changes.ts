import { sqlStateOf, type Database, type Sql } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import { isFault, type OnChainEffect } from '@tollkeeper/protocol';
import { lockEffects, type LockedEffect } from './lock-effects.js';
import { postForCredits } from './post-for-credits.js';
import type { RecordedEffect } from './recorded-effect.js';
import { releaseCredits } from './release-credits.js';

/** An effect that the chain has elsewhere than it was recorded. */
export interface FoundEffect {
  readonly effect: RecordedEffect;
  readonly at: OnChainEffect;
}

/**
 * Every change of an effect after it was recorded, with what it means for the ledger, in one database transaction each. What
 * somebody else has changed since it was read is left alone, so that whatever is repeated, in whichever process, happens once.
 * Each answers what it changed.
 */
export function createEffectChanges(parts: { readonly database: Database; readonly ledger: Ledger }) {
  const { database, ledger } = parts;
  return { release, reverse, move, include, lose };

  /**
   * Their blocks are final: what is pending becomes available, less the fee. A reward that is refused blocks no payment: a
   * single effect is released without it, and of several the caller releases each alone.
   */
  async function release(effects: readonly RecordedEffect[]): Promise<readonly RecordedEffect[]> {
    try {
      return await releaseSharing(effects);
    } catch (error) {
      const refusal = refusalOf(error);
      if (effects.length > 1 || refusal === undefined) throw error;
      return releaseSharing(effects, refusal);
    }
  }

  async function releaseSharing(effects: readonly RecordedEffect[], refusedReward?: string) {
    return change(effects, async (sql, locked) => {
      const journals = await releaseCredits({ sql, ledger }, locked, refusedReward);
      await sql`
        UPDATE effect SET final_at = now(), release_journal_id = changed.journal_id
        FROM unnest(${idsOf(locked)}::bigint[], ${journals}::bigint[]) AS changed (id, journal_id)
        WHERE effect.id = changed.id`;
    });
  }

  /** The chain has them no more: the credits are taken back. Pending money cannot have been spent. */
  async function reverse(effects: readonly RecordedEffect[]): Promise<readonly RecordedEffect[]> {
    return change(effects, async (sql, locked) => {
      await postForCredits({ sql, ledger }, locked, ({ effect, legs, journalId }) => ({
        scope: 'reversal',
        key: `${effect.id}/${effect.inclusion}`,
        legs: legs.map((leg) => ({ ...leg, debit: leg.credit, credit: leg.debit })),
        reverses: journalId,
      }));
      await sql`UPDATE effect SET reversed_at = now() WHERE id = ANY(${idsOf(locked)}::bigint[])`;
    });
  }

  /** A reorg kept the transfer, elsewhere: nothing moves in the ledger. */
  async function move({ effect, at }: FoundEffect): Promise<readonly RecordedEffect[]> {
    return change([effect], (sql) => place(sql, { effect, at }));
  }

  /** The chain has the transfer again: it is credited anew, under a key of its own. */
  async function include({ effect, at }: FoundEffect): Promise<readonly RecordedEffect[]> {
    return change([effect], async (sql, locked) => {
      const inclusion = effect.inclusion + 1;
      const [journal] = await postForCredits({ sql, ledger }, locked, ({ legs }) => ({
        scope: 'effect',
        key: `${effect.id}/${inclusion}`,
        legs,
      }));
      await place(sql, { effect, at });
      await sql`
        UPDATE effect SET reversed_at = NULL, inclusion = ${inclusion}, journal_id = ${journal ?? null}
        WHERE id = ${effect.id}`;
    });
  }

  /** No block can hold it any more: nobody looks for it again. */
  async function lose(effect: RecordedEffect): Promise<readonly RecordedEffect[]> {
    return change([effect], async (sql) => {
      await sql`UPDATE effect SET lost_at = now() WHERE id = ${effect.id}`;
    });
  }

  async function change(
    effects: readonly RecordedEffect[],
    make: (sql: Sql, locked: readonly LockedEffect[]) => Promise<void>,
  ): Promise<readonly RecordedEffect[]> {
    return database.transaction(async (sql) => {
      const locked = await lockEffects(sql, effects);
      if (locked.length > 0) await make(sql, locked);
      return locked.map(({ effect }) => effect);
    });
  }
}

/** Writes where the chain has the transfer now. The payment goes with it, if another transaction than before moved the money. */
async function place(sql: Sql, { effect, at }: FoundEffect): Promise<void> {
  await sql`
    UPDATE effect SET transaction = ${at.transaction}, position = ${at.position}, block_number = ${at.block.number},
      block_hash = ${at.block.hash}
    WHERE id = ${effect.id}`;
  if (at.transaction === effect.transaction) return;
  await sql`UPDATE payment SET transaction = ${at.transaction} WHERE id = ${effect.paymentId}::uuid`;
}

/** What the database refused for good; undefined for what may go better when it is tried again. */
function refusalOf(error: unknown): string | undefined {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined || isFault(error, 'DATABASE_UNAVAILABLE') || sqlState.startsWith('40')) return undefined;
  return isFault(error) ? error.code : sqlState;
}

const idsOf = (locked: readonly LockedEffect[]) => locked.map(({ effect }) => effect.id);
