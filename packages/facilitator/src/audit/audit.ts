import { json, type Sql } from '@tollkeeper/database';

/** Who did it. A key belongs to the merchant of the entry; an operator is whoever may run the command. */
export type Actor = { readonly kind: 'key'; readonly keyId: string } | { readonly kind: 'operator' | 'service' };

/** What happened, as far as it may be written down: never a secret, because entries cannot be taken back. */
export interface AuditedChange {
  /** A noun and a verb, such as `api_key.revoke`. */
  readonly action: string;
  /** The id of what was acted on. */
  readonly subject?: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** An entry of a merchant's chain, or of the operator's own where it concerns no merchant. */
export interface AuditEntry extends AuditedChange {
  readonly merchantId: string | null;
  readonly actor: Actor;
  readonly requestId?: string;
}

/**
 * Appends to the chain, within the caller's transaction so that no change is without its entry. The chain's head is locked
 * until the commit: append last, after every other lock was taken.
 */
export async function appendAudit(sql: Sql, entry: AuditEntry): Promise<void> {
  await sql`
    INSERT INTO audit_entry (merchant_id, actor, key_id, action, subject, before, after, request_id)
    VALUES (${entry.merchantId}::uuid, ${entry.actor.kind}, ${entry.actor.kind === 'key' ? entry.actor.keyId : null}::uuid,
      ${entry.action}, ${entry.subject ?? null}, ${jsonOrNull(entry.before)}, ${jsonOrNull(entry.after)},
      ${entry.requestId ?? null})`;
}

function jsonOrNull(value: unknown) {
  return value === undefined || value === null ? null : json(withTextForBigints(value));
}

/** Amounts are decimal strings wherever they leave the program. */
function withTextForBigints(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner)),
  );
}
