import type { Database } from '@tollkeeper/database';
import type { Chain, OnChainEffect } from '@tollkeeper/protocol';
import { boundedClaimOf, claimedTransferOf, type ClaimedTransferRow } from '../claimed-transfer-row.js';

/** What became of an authorization that nothing we have signed can carry out any more. */
export type AuthorizationPursuit =
  /** Somebody else carried it out. */
  | { readonly state: 'found'; readonly at: OnChainEffect }
  /** It holds: another transaction may carry it out, ours or a stranger's. */
  | { readonly state: 'open' }
  /** A final block shows that it is spent or expired. */
  | { readonly state: 'void' };

/** Asks the chain what became of the authorizations of these payments, by payment. */
export async function pursueAuthorizations(
  { database, chain }: { readonly database: Database; readonly chain: Chain },
  paymentIds: readonly string[],
): Promise<ReadonlyMap<string, AuthorizationPursuit>> {
  if (paymentIds.length === 0) return new Map();
  // Nobody but us can carry out what a payer signed there, and each signature of ours serves once.
  if (chain.areVoid === undefined) return new Map(paymentIds.map((id) => [id, { state: 'void' }]));
  const rows = await database.sql<AuthorizationRow>`
    SELECT id, claim_key AS "claimKey", network, token, amount, payer, pay_to AS "payTo", claimed_at_block AS "claimedAtBlock",
      valid_before AS "validBefore"
    FROM payment WHERE id = ANY(${paymentIds}::uuid[])`;
  const effects = await chain.findForeignTransfers(rows.map(claimedTransferOf));
  const found = new Map(rows.map(({ id }, index) => [id, effects[index]]));
  const bounded = rows.flatMap((row) =>
    row.validBefore === null || found.get(row.id) !== undefined
      ? []
      : [{ id: row.id, claim: boundedClaimOf({ ...row, validBefore: row.validBefore }) }],
  );
  const verdicts = await chain.areVoid(bounded.map(({ claim }) => claim));
  const isVoid = new Set(bounded.filter((_, index) => verdicts[index]).map(({ id }) => id));
  return new Map(
    rows.map(({ id }): [string, AuthorizationPursuit] => {
      const at = found.get(id);
      return [id, at !== undefined ? { state: 'found', at } : { state: isVoid.has(id) ? 'void' : 'open' }];
    }),
  );
}

interface AuthorizationRow extends ClaimedTransferRow {
  readonly id: string;
  readonly validBefore: bigint | null;
}
