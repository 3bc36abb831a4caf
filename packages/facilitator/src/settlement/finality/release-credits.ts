import type { Sql } from '@tollkeeper/database';
import type { Leg, Ledger } from '@tollkeeper/ledger';
import { findDueFees } from '../../fees/due-fees.js';
import { recordShares, shareOut, type SharedPayment } from '../../fees/share-out.js';
import type { LockedEffect } from './lock-effects.js';
import { postForCredits } from './post-for-credits.js';

/**
 * Makes the pending money of effects available, less the fee of each, in one journal for each.
 * @param refusedReward why no referrer gets anything of them
 * @returns the journals in the order given, null where nothing was credited
 */
export async function releaseCredits(
  { sql, ledger }: { readonly sql: Sql; readonly ledger: Ledger },
  locked: readonly LockedEffect[],
  refusedReward: string | undefined,
): Promise<readonly (bigint | null)[]> {
  const due = await findDueFees(
    sql,
    locked.map(({ effect }) => effect.id),
  );
  const shared: SharedPayment[] = [];
  const journals = await postForCredits({ sql, ledger }, locked, ({ effect, legs }) => ({
    scope: 'release',
    key: effect.id.toString(),
    legs: legs.filter(isPending).flatMap((leg) => {
      const released = shareOut(leg, { due: due.get(effect.id), refusedReward });
      if (released.shared !== undefined) shared.push(released.shared);
      return released.legs;
    }),
  }));
  await recordShares(sql, shared);
  return journals;
}

/** Money that was credited in another way than to a wallet's pending balance stays where it is. */
function isPending({ credit }: Leg): boolean {
  return credit.kind === 'merchant_pending';
}
