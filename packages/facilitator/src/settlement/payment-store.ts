import type { Database, Sql } from '@tollkeeper/database';
import type { Authorization, Clock, Network, X402Version } from '@tollkeeper/protocol';
import { uuidv7 } from '../uuid.js';
import type { PaymentRow } from './payment-row.js';

/** A claim is worked on under a lease of this length; after it, whoever asks next may claim the authorization anew. */
const claimLeaseSeconds = 15;

export type PaymentStore = ReturnType<typeof createPaymentStore>;

/**
 * The payment rows and who works on them. Every step is one guarded statement, so that two callers, in one process or in
 * several, can never both win.
 */
export function createPaymentStore(parts: {
  readonly database: Database;
  readonly clock: Clock;
  /** Names this process in leases. */
  readonly processId: string;
}) {
  const { sql } = parts.database;
  return {
    find,
    findByClaimKey,
    claim,
    releaseAbandoned,
    releaseAllAbandoned,
    release,
    renewLeases,
    isHeld,
    lockForSigning,
  };

  async function find(id: string): Promise<PaymentRow | undefined> {
    const [row] = await sql<PaymentRow>`SELECT * FROM payment_status WHERE id = ${id}::uuid`;
    return row;
  }

  async function findByClaimKey(claimKey: string): Promise<PaymentRow | undefined> {
    const [row] = await sql<PaymentRow>`SELECT * FROM payment_status WHERE claim_key = ${claimKey}`;
    return row;
  }

  /** Claims an authorization for this process. Undefined: it is claimed already, by anyone, at any time. */
  async function claim(authorization: Authorization, x402Version: X402Version): Promise<string | undefined> {
    const { asset } = authorization;
    const [row] = await sql<{ id: string }>`
      INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version,
        lease_holder, lease_until)
      VALUES (${uuidv7(parts.clock)}::uuid, ${authorization.claimKey}, ${authorization.scheme}, ${asset.network},
        ${asset.token}, ${authorization.amount}, ${authorization.payer}, ${authorization.payTo}, ${x402Version},
        ${parts.processId}::uuid, now() + make_interval(secs => ${claimLeaseSeconds}))
      ON CONFLICT (claim_key) DO NOTHING
      RETURNING id`;
    return row?.id;
  }

  /** Forgets a claim that nobody works on any more and that signed nothing. True when there was one. */
  async function releaseAbandoned(claimKey: string): Promise<boolean> {
    const rows = await sql`
      DELETE FROM payment WHERE claim_key = ${claimKey} AND state = 'claimed' AND lease_until < now() RETURNING id`;
    return rows.length === 1;
  }

  /** The same for every authorization on the networks, since most are never presented again. */
  async function releaseAllAbandoned(networks: readonly Network[]): Promise<void> {
    await sql`
      DELETE FROM payment WHERE network = ANY(${networks}::text[]) AND state = 'claimed' AND lease_until < now()`;
  }

  /** Forgets a claim that signed nothing: a refusal before signing is never stored. */
  async function release(id: string): Promise<void> {
    await sql`
      DELETE FROM payment
      WHERE id = ${id}::uuid AND state = 'claimed' AND lease_holder = ${parts.processId}::uuid`;
  }

  /** Keeps the claims that this process still works on. */
  async function renewLeases(ids: readonly string[]): Promise<void> {
    await sql`
      UPDATE payment SET lease_until = now() + make_interval(secs => ${claimLeaseSeconds})
      WHERE id = ANY(${ids}::uuid[]) AND state = 'claimed' AND lease_holder = ${parts.processId}::uuid`;
  }

  /** Whether a claim is still this process's to work on. */
  async function isHeld(id: string): Promise<boolean> {
    const rows = await sql`
      SELECT id FROM payment WHERE id = ${id}::uuid AND state = 'claimed' AND lease_holder = ${parts.processId}::uuid`;
    return rows.length === 1;
  }

  /** Locks a claim for the transaction that signs it; false when it is no longer this process's to sign. */
  async function lockForSigning(transaction: Sql, id: string): Promise<boolean> {
    const rows = await transaction`
      SELECT id FROM payment
      WHERE id = ${id}::uuid AND state = 'claimed' AND lease_holder = ${parts.processId}::uuid
      FOR UPDATE`;
    return rows.length === 1;
  }
}
