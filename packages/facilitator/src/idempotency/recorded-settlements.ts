import { setTimeout as delay } from 'node:timers/promises';
import type { IncomingHttpHeaders } from 'node:http';
import type { Database } from '@tollkeeper/database';
import { Fault, type SettleAnswer } from '@tollkeeper/protocol';
import { presentedKey, requirePermission, type Authenticate } from '../tenancy/authenticate.js';
import { hashOfRequest, readIdempotencyKey, type IdempotentRequest } from './idempotent-request.js';

const route = 'POST /settle';

/** How long a repeat waits for the first before it is told that it is under way. */
const longestWaitMs = 2_000;
const pauseMs = 100;

/** Longer than any `/settle` waits, so that a key is free again only when its process is gone. */
const leaseMarginMs = 30_000;

/** One settlement under an `Idempotency-Key`. */
export type RecordedSettlement =
  /** It was answered before: these are the bytes. */
  | { readonly kind: 'answered'; readonly body: string }
  /** It is this caller's to settle, and must end in one of two ways. */
  | {
      readonly kind: 'open';
      /** Keeps a final answer for every repeat. What may still change is not kept: a repeat asks the engine again. */
      readonly keep: (answer: SettleAnswer) => Promise<void>;
      /** Frees the key without an answer. */
      readonly release: () => Promise<void>;
    };

export type RecordedSettlements = ReturnType<typeof createRecordedSettlements>;

/**
 * The answers of `/settle` that merchants with an API key may have again. The settlement is more than one transaction, so a
 * lease holds the key meanwhile; that the money moves once rests on the payment's own claim and not on this.
 */
export function createRecordedSettlements(parts: {
  readonly database: Database;
  readonly authenticate: Authenticate;
  readonly settleWaitMs: number;
}) {
  const { sql } = parts.database;
  return { open };

  /**
   * Undefined for a caller that did not ask for it: without an API key, `/settle` is the protocol's own.
   * @throws Fault of the key, `PERMISSION_DENIED`, `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_FLIGHT`
   */
  async function open(request: {
    headers: IncomingHttpHeaders;
    body: unknown;
  }): Promise<RecordedSettlement | undefined> {
    const { headers, body } = request;
    if (headers['idempotency-key'] === undefined || presentedKey(headers) === undefined) return undefined;
    const key = readIdempotencyKey(headers);
    const tenant = await parts.authenticate(headers);
    requirePermission(tenant, 'write');
    const named = { merchantId: tenant.merchantId, route, key, requestHash: hashOfRequest(body) };
    for (let waitedMs = 0; ; waitedMs += pauseMs) {
      const found = (await take(named)) ? openedBy(named) : await findAnswer(named);
      if (found !== undefined) return found;
      if (waitedMs >= longestWaitMs) throw new Fault('IDEMPOTENCY_IN_FLIGHT');
      await delay(pauseMs);
    }
  }

  /** Takes the key, where nobody has it or whoever had it is gone. */
  async function take(request: IdempotentRequest): Promise<boolean> {
    const leaseMs = parts.settleWaitMs + leaseMarginMs;
    const rows = await sql`
      INSERT INTO idempotency AS known (merchant_id, route, key, request_hash, lease_until)
      VALUES (${request.merchantId}::uuid, ${route}, ${request.key}, ${request.requestHash},
        now() + ${leaseMs}::integer * interval '1 millisecond')
      ON CONFLICT (merchant_id, route, key) DO UPDATE SET lease_until = excluded.lease_until
      WHERE known.status IS NULL AND known.lease_until < now() AND known.request_hash = excluded.request_hash
      RETURNING key`;
    return rows.length === 1;
  }

  async function findAnswer(request: IdempotentRequest): Promise<RecordedSettlement | undefined> {
    const [row] = await sql<{ requestHash: Uint8Array; body: string | null }>`
      SELECT request_hash AS "requestHash", body FROM idempotency
      WHERE merchant_id = ${request.merchantId}::uuid AND route = ${route} AND key = ${request.key}`;
    if (row === undefined) return undefined;
    if (Buffer.compare(row.requestHash, request.requestHash) !== 0) throw new Fault('IDEMPOTENCY_KEY_REUSED');
    return row.body === null ? undefined : { kind: 'answered', body: row.body };
  }

  function openedBy({ merchantId, key }: IdempotentRequest): RecordedSettlement {
    return { kind: 'open', keep, release };

    async function keep(answer: SettleAnswer): Promise<void> {
      if (answer.errorReason === 'settlement_pending') return release();
      await sql`
        UPDATE idempotency
        SET status = 200, content_type = 'application/json; charset=utf-8', body = ${JSON.stringify(answer)}, lease_until = NULL
        WHERE merchant_id = ${merchantId}::uuid AND route = ${route} AND key = ${key} AND status IS NULL`;
    }

    async function release(): Promise<void> {
      await sql`
        DELETE FROM idempotency
        WHERE merchant_id = ${merchantId}::uuid AND route = ${route} AND key = ${key} AND status IS NULL`;
    }
  }
}
