import type { Database } from '@tollkeeper/database';
import type { StatementLeg } from '@tollkeeper/ledger';

/** Finds the payments that legs belong to: the ledger names effects on chain, people know payments. */
export async function findPaymentReferences(
  { sql }: Database,
  legs: readonly StatementLeg[],
): Promise<(leg: StatementLeg) => string | undefined> {
  const credits = legs.filter(({ scope }) => scope === 'effect').map(({ journalId }) => journalId);
  const effects = legs.flatMap((leg) => effectOf(leg) ?? []);
  if (credits.length + effects.length === 0) return () => undefined;
  const rows = await sql<{ id: bigint; journalId: bigint | null; paymentId: string }>`
    SELECT id, journal_id AS "journalId", payment_id AS "paymentId" FROM effect
    WHERE payment_id IS NOT NULL AND (id = ANY(${effects}::bigint[]) OR journal_id = ANY(${credits}::bigint[]))`;
  const byEffect = new Map(rows.map((row) => [row.id, row.paymentId]));
  const byJournal = new Map(rows.map((row) => [row.journalId, row.paymentId]));
  return (leg) => {
    const effect = effectOf(leg);
    return effect === undefined ? byJournal.get(leg.journalId) : byEffect.get(effect);
  };
}

/** What follows from a credit is posted under the id of its effect; the credit itself under its place on chain, or both. */
function effectOf({ scope, key }: StatementLeg): bigint | undefined {
  if (scope !== 'release' && scope !== 'reversal' && scope !== 'effect') return undefined;
  const [id] = key.split('/');
  return id !== undefined && /^\d+$/.test(id) ? BigInt(id) : undefined;
}
