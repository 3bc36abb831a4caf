import type { Database } from '@tollkeeper/database';
import { createBatcher, type Authorization, type Network, type Payment, type Rejection } from '@tollkeeper/protocol';
import { storedRequest } from './stored-request.js';

/** A claim is worked on under a lease of this length; after it, whoever asks next may claim the authorization anew. */
export const claimLeaseSeconds = 15;

/**
 * A claim whose process died is kept for so long after its lease, for the caller to come back to: what a stranger did meanwhile
 * was done after that claim.
 */
const abandonedSeconds = 30;

/** Concurrent callers share their statements, up to so many in one. */
const rowsPerStatement = 200;

/** An authorization and the request that presented it. */
export interface NewClaim {
  /** The payment's id to be. */
  readonly id: string;
  readonly authorization: Authorization;
  readonly request: Payment;
  /** Whether this process goes on with it itself, or leaves it to one that holds a lane. */
  readonly held: boolean;
}

/** A claim that was made before, and the height of the chain then, where it was noted. */
export interface AbandonedClaim {
  readonly paymentId: string;
  readonly claimedAtBlock: bigint | null;
}

/** Makes claims. `processId` names this process in their leases. */
export function createClaims(parts: { readonly database: Database; readonly processId: string }) {
  const { sql } = parts.database;
  /** Claims an authorization. False: it is claimed already, by anyone, at any time. */
  return createBatcher({ run: claimAll, maximumItems: rowsPerStatement, purpose: 'write' });

  async function claimAll(claims: readonly NewClaim[]): Promise<readonly boolean[]> {
    // In one order everywhere, so that two statements with the same keys wait for each other and do not deadlock.
    const ordered = claims.toSorted((one, other) =>
      one.authorization.claimKey < other.authorization.claimKey ? -1 : 1,
    );
    const signed = ordered.map(({ authorization }) => authorization);
    // A claim by itself is worth nothing after a crash of the server, so that nobody waits for the disk: the commit that signs
    // for it comes later in the same log and takes it along.
    const rows = await sql<{ id: string }>`
      INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, valid_before, request,
        lease_holder, lease_until)
      SELECT id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, valid_before, request,
        lease_holder, now() + make_interval(secs => ${claimLeaseSeconds})
      FROM unnest(
        ${ordered.map(({ id }) => id)}::uuid[],
        ${signed.map(({ claimKey }) => claimKey)}::text[],
        ${signed.map(({ scheme }) => scheme)}::text[],
        ${signed.map(({ asset }) => asset.network)}::text[],
        ${signed.map(({ asset }) => asset.token)}::text[],
        ${signed.map(({ amount }) => amount)}::numeric[],
        ${signed.map(({ payer }) => payer)}::text[],
        ${signed.map(({ payTo }) => payTo)}::text[],
        ${ordered.map(({ request }) => request.x402Version)}::smallint[],
        ${signed.map(({ validBefore }) => validBefore ?? null)}::numeric[],
        ${ordered.map(({ request }) => storedRequest(request))}::text[],
        ${ordered.map(({ held }) => (held ? parts.processId : null))}::uuid[]
      ) AS fresh (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, valid_before, request,
        lease_holder)
      CROSS JOIN (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
      ON CONFLICT (claim_key) DO NOTHING
      RETURNING id`;
    const taken = new Set(rows.map(({ id }) => id));
    return claims.map(({ id }) => taken.has(id));
  }
}

/** What becomes of claims that are not signed. */
export function createClaimEndings(parts: { readonly database: Database; readonly processId: string }) {
  const { sql } = parts.database;
  return {
    takeOverAbandoned,
    releaseAbandoned,
    releaseAllAbandoned,
    withdraw,
    release,
    refuse,
    renewLeases,
    renewQueued,
  };

  /**
   * Goes on with the claim that the same request made in another process, which does not work on it any more. A claim of this
   * process may still be worked on by it.
   */
  async function takeOverAbandoned({ authorization, request, held }: NewClaim): Promise<AbandonedClaim | undefined> {
    const [row] = await sql<AbandonedClaim>`
      UPDATE payment
      SET taken_over = true, lease_holder = ${held ? parts.processId : null}::uuid,
        lease_until = now() + make_interval(secs => ${claimLeaseSeconds})
      WHERE claim_key = ${authorization.claimKey} AND state = 'claimed' AND lease_until < now()
        AND lease_holder IS DISTINCT FROM ${parts.processId}::uuid AND request = ${storedRequest(request)}
      RETURNING id AS "paymentId", claimed_at_block AS "claimedAtBlock"`;
    return row;
  }

  /** Forgets a claim that nobody works on any more and that signed nothing. True when there was one. */
  async function releaseAbandoned(claimKey: string): Promise<boolean> {
    const rows = await sql`
      DELETE FROM payment
      WHERE claim_key = ${claimKey} AND state IN ('claimed', 'refused') AND lease_until < now()
      RETURNING id`;
    return rows.length === 1;
  }

  /** The same a while later for every authorization on the networks, since most are never presented again. */
  async function releaseAllAbandoned(networks: readonly Network[]): Promise<void> {
    await sql`
      DELETE FROM payment
      WHERE id = ANY(ARRAY(SELECT payment_id FROM payment_in_flight WHERE network = ANY(${networks}::text[])))
        AND state IN ('claimed', 'refused')
        AND lease_until < now() - make_interval(secs => CASE state WHEN 'claimed' THEN ${abandonedSeconds}::integer ELSE 0 END)`;
  }

  /** Forgets a claim that signed nothing, whoever works on it: a refusal before signing is never kept. */
  async function withdraw(id: string): Promise<void> {
    await sql`DELETE FROM payment WHERE id = ${id}::uuid AND state IN ('claimed', 'refused')`;
  }

  /** The same, for a claim that this process was to sign. */
  async function release(id: string): Promise<void> {
    await sql`
      DELETE FROM payment
      WHERE id = ${id}::uuid AND state = 'claimed' AND lease_holder = ${parts.processId}::uuid`;
  }

  /** Tells the process that claimed it why this one will not sign it. */
  async function refuse(id: string, { reason, detail }: Rejection): Promise<void> {
    await sql`
      UPDATE payment
      SET state = 'refused', failure_reason = ${reason}, failure_detail = ${detail},
        lease_until = now() + make_interval(secs => ${claimLeaseSeconds})
      WHERE id = ${id}::uuid AND state = 'claimed' AND lease_holder = ${parts.processId}::uuid`;
  }

  /** Keeps the payments that this process works on. */
  async function renewLeases(ids: readonly string[]): Promise<void> {
    await sql`
      UPDATE payment SET lease_until = now() + make_interval(secs => ${claimLeaseSeconds})
      WHERE id = ANY(${ids}::uuid[]) AND state IN ('claimed', 'submitted') AND lease_holder = ${parts.processId}::uuid`;
  }

  /** Keeps the claims that a caller here waits for and that no process has taken up yet. */
  async function renewQueued(ids: readonly string[]): Promise<void> {
    await sql`
      UPDATE payment SET lease_until = now() + make_interval(secs => ${claimLeaseSeconds})
      WHERE id = ANY(${ids}::uuid[]) AND state = 'claimed' AND lease_holder IS NULL`;
  }
}
