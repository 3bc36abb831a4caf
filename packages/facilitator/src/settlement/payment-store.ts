import type { Database } from '@tollkeeper/database';
import {
  amount,
  createBatcher,
  type Authorization,
  type ClaimedTransfer,
  type Network,
  type Payment,
  type Rejection,
} from '@tollkeeper/protocol';
import { claimedTransferOf, type ClaimedTransferRow } from './chain-transactions.js';
import type { PaymentRow } from './payment-row.js';

/** A claim is worked on under a lease of this length; after it, whoever asks next may claim the authorization anew. */
export const claimLeaseSeconds = 15;

/** Concurrent callers share their statements, up to so many in one. */
const rowsPerStatement = 200;

export type PaymentStore = ReturnType<typeof createPaymentStore>;

/** An authorization and the request that presented it. */
export interface NewClaim {
  /** The payment's id to be. */
  readonly id: string;
  readonly authorization: Authorization;
  readonly request: Payment;
  /** Whether this process goes on with it itself, or leaves it to one that holds a lane. */
  readonly held: boolean;
}

/**
 * The payment rows and who works on them. Every step is one guarded statement, so that two callers, in one process or in
 * several, can never both win.
 */
export function createPaymentStore(parts: {
  readonly database: Database;
  /** Names this process in leases. */
  readonly processId: string;
}) {
  const { sql } = parts.database;
  const maximumItems = rowsPerStatement;
  const find = createBatcher({ run: findAll, maximumItems });
  const findByClaimKey = createBatcher({ run: findAllByClaimKey, maximumItems });
  const claim = createBatcher({ run: claimAll, maximumItems });
  return {
    processId: parts.processId,
    /** The payment with this id. */
    find,
    /** The payment that was claimed with this key. */
    findByClaimKey,
    /** Claims an authorization. False: it is claimed already, by anyone, at any time. */
    claim,
    releaseAbandoned,
    releaseAllAbandoned,
    withdraw,
    release,
    refuse,
    handOver,
    takeQueued,
    findOwnRetries,
    findClaimedTransfers,
    renewLeases,
    renewQueued,
  };

  async function findAll(ids: readonly string[]): Promise<readonly (PaymentRow | undefined)[]> {
    const rows = await sql<PaymentRow>`SELECT * FROM payment_status WHERE id = ANY(${ids}::uuid[])`;
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => byId.get(id.toLowerCase()));
  }

  async function findAllByClaimKey(keys: readonly string[]): Promise<readonly (PaymentRow | undefined)[]> {
    const rows = await sql<PaymentRow & { readonly claim_key: string }>`
      SELECT * FROM payment_status WHERE claim_key = ANY(${keys}::text[])`;
    const byKey = new Map(rows.map((row) => [row.claim_key, row]));
    return keys.map((key) => byKey.get(key));
  }

  async function claimAll(claims: readonly NewClaim[]): Promise<readonly boolean[]> {
    // In one order everywhere, so that two statements with the same keys wait for each other and do not deadlock.
    const ordered = claims.toSorted((one, other) =>
      one.authorization.claimKey < other.authorization.claimKey ? -1 : 1,
    );
    const signed = ordered.map(({ authorization }) => authorization);
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
      ON CONFLICT (claim_key) DO NOTHING
      RETURNING id`;
    const taken = new Set(rows.map(({ id }) => id));
    return claims.map(({ id }) => taken.has(id));
  }

  /** Forgets a claim that nobody works on any more and that signed nothing. True when there was one. */
  async function releaseAbandoned(claimKey: string): Promise<boolean> {
    const rows = await sql`
      DELETE FROM payment
      WHERE claim_key = ${claimKey} AND state IN ('claimed', 'refused') AND lease_until < now()
      RETURNING id`;
    return rows.length === 1;
  }

  /** The same for every authorization on the networks, since most are never presented again. */
  async function releaseAllAbandoned(networks: readonly Network[]): Promise<void> {
    await sql`
      DELETE FROM payment
      WHERE network = ANY(${networks}::text[]) AND state IN ('claimed', 'refused') AND lease_until < now()`;
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

  /** Leaves payments to whichever process can sign them. */
  async function handOver(ids: readonly string[]): Promise<void> {
    await sql`
      UPDATE payment SET lease_holder = NULL
      WHERE id = ANY(${ids}::uuid[]) AND (state = 'claimed' OR retry_alone) AND lease_holder = ${parts.processId}::uuid`;
  }

  /** Takes the oldest payments of a network that wait for a process that can sign, and retries whose process is gone. */
  async function takeQueued(network: Network, limit: number): Promise<readonly QueuedPayment[]> {
    const rows = await sql<{ id: string; request: string | null; alone: boolean }>`
      UPDATE payment
      SET lease_holder = ${parts.processId}::uuid, lease_until = now() + make_interval(secs => ${claimLeaseSeconds})
      WHERE id IN (
        SELECT id FROM payment
        WHERE network = ${network} AND state IN ('claimed', 'refused', 'submitted') AND (
          (state = 'claimed' AND lease_holder IS NULL AND lease_until >= now())
          OR (retry_alone AND (lease_holder IS NULL OR lease_until < now())))
        ORDER BY claimed_at
        LIMIT ${limit}
        FOR UPDATE SKIP LOCKED)
      RETURNING id, request, retry_alone AS alone`;
    return rows.map(asQueued);
  }

  /** The retries among these that this process has the lease for. */
  async function findOwnRetries(ids: readonly string[]): Promise<readonly QueuedPayment[]> {
    const rows = await sql<{ id: string; request: string | null; alone: boolean }>`
      SELECT id, request, retry_alone AS alone FROM payment
      WHERE id = ANY(${ids}::uuid[]) AND retry_alone AND lease_holder = ${parts.processId}::uuid`;
    return rows.map(asQueued);
  }

  /** What the payments are to move. */
  async function findClaimedTransfers(ids: readonly string[]): Promise<readonly ClaimedTransfer[]> {
    const rows = await sql<ClaimedTransferRow>`
      SELECT claim_key AS "claimKey", network, token, amount, payer, pay_to AS "payTo", claimed_at_block AS "claimedAtBlock"
      FROM payment WHERE id = ANY(${ids}::uuid[])`;
    return rows.map(claimedTransferOf);
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

/** A payment that waits to be signed, with what it is examined from. */
export interface QueuedPayment {
  readonly paymentId: string;
  /** Absent for payments that older versions stored. */
  readonly request: Payment | undefined;
  /** Its transaction did not move its money, in company: it travels alone now. */
  readonly alone: boolean;
}

function asQueued(row: {
  readonly id: string;
  readonly request: string | null;
  readonly alone: boolean;
}): QueuedPayment {
  return {
    paymentId: row.id,
    alone: row.alone,
    request: row.request === null ? undefined : readStoredRequest(row.request),
  };
}

/** The request as JSON, from which any process can examine the payment again. */
function storedRequest({ requirements, ...payment }: Payment): string {
  return JSON.stringify({ ...payment, requirements: { ...requirements, amount: requirements.amount.toString() } });
}

/** Reads what {@link storedRequest} wrote. */
function readStoredRequest(text: string): Payment {
  const { requirements, ...payment } = JSON.parse(text) as Payment & {
    readonly requirements: { readonly amount: string };
  };
  return { ...payment, requirements: { ...requirements, amount: amount(BigInt(requirements.amount)) } };
}
