import type { Sql } from '@tollkeeper/database';
import type { Leg, Ledger, Posting } from '@tollkeeper/ledger';
import type { LockedEffect } from './lock-effects.js';
import type { RecordedEffect } from './recorded-effect.js';

/** An effect that is credited to somebody, and how. */
export interface Credit {
  readonly effect: RecordedEffect;
  readonly journalId: bigint;
  readonly legs: readonly Leg[];
}

/** Posts what follows from each credit. The ids of the journals are in the order of `locked`, null where nothing was credited. */
export async function postForCredits(
  { sql, ledger }: { readonly sql: Sql; readonly ledger: Ledger },
  locked: readonly LockedEffect[],
  postingOf: (credit: Credit) => Posting,
): Promise<readonly (bigint | null)[]> {
  const ids = locked.flatMap(({ journalId }) => journalId ?? []);
  const legs = await ledger.legsOf(sql, ids);
  const credits = locked.flatMap(({ effect, journalId }) =>
    journalId === null ? [] : [{ effect, journalId, legs: legs.get(journalId) ?? [] }],
  );
  const posted = await ledger.postAll(sql, credits.map(postingOf));
  const journals = new Map(credits.map(({ effect }, index) => [effect, posted[index]?.journalId]));
  return locked.map(({ effect }) => journals.get(effect) ?? null);
}
