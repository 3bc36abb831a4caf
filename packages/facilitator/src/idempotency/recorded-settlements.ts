import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import type { Database } from '@tollkeeper/database';
import { Fault, type SettleAnswer } from '@tollkeeper/protocol';
import type { Answer } from '../settlement/answer-store.js';
import { presentedKey, requirePermission, type Authenticate } from '../tenancy/authenticate.js';
import { hashOfRequest, readIdempotencyKey } from './idempotent-request.js';
import {
  auditUnanswered,
  createRecordEnds,
  settleRoute,
  type AskedSettlement,
  type EndedSettlement,
} from './settlement-records.js';

/** How long a repeat waits for the first before it is told that it is under way. */
const longestWaitMs = 2_000;
const pauseMs = 100;

/** Longer than any `/settle` waits, so that a key is free again only when its process is gone. */
const leaseMarginMs = 30_000;

/** Settlements without an answer that one call tells the audit of, at most; there are some only after a crash. */
const unansweredAtOnce = 100;

/** One settlement under an `Idempotency-Key`. */
export type RecordedSettlement =
  /** It was answered before: these are the bytes. */
  | { readonly kind: 'answered'; readonly body: string }
  /** It is this caller's to settle, and must end in one of two ways, of which the audit tells. */
  | {
      readonly kind: 'open';
      /**
       * Keeps a final answer for every repeat, and spends the success that it tells. What may still change is not kept: a repeat
       * asks the engine again.
       * @throws Fault `IDEMPOTENCY_IN_FLIGHT` where another caller has taken that success, or the key has lapsed, meanwhile
       */
      readonly answer: (answer: SettleAnswer, spent?: Answer) => Promise<void>;
      /** Frees the key without an answer. */
      readonly fail: (fault: Fault) => Promise<void>;
    };

/** A request that holds its key, or asks who does. */
interface NamedSettlement extends AskedSettlement {
  readonly requestHash: Uint8Array;
}

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
  const end = createRecordEnds(parts.database);
  return { open };

  /**
   * Undefined for a caller that did not ask for it: without an API key, `/settle` is the protocol's own.
   * @throws Fault of the key, `PERMISSION_DENIED`, `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_FLIGHT`
   */
  async function open(
    request: Pick<FastifyRequest, 'id' | 'headers' | 'body'>,
  ): Promise<RecordedSettlement | undefined> {
    const { id: requestId, headers, body } = request;
    if (headers['idempotency-key'] === undefined || presentedKey(headers) === undefined) return undefined;
    const key = readIdempotencyKey(headers);
    const tenant = await parts.authenticate(headers);
    requirePermission(tenant, 'write');
    const { merchantId, keyId } = tenant;
    const named = { merchantId, key, keyId, requestId, requestHash: hashOfRequest(body) };
    for (let waitedMs = 0; ; waitedMs += pauseMs) {
      const found = (await take(named)) ? openedBy(named) : await findAnswer(named);
      if (found !== undefined) return found;
      if (waitedMs >= longestWaitMs) throw new Fault('IDEMPOTENCY_IN_FLIGHT');
      if (await isUnanswered(named)) await auditUnanswered(parts.database, unansweredAtOnce);
      else await delay(pauseMs);
    }
  }

  /** Takes the key, where nobody has it, or whoever had it is gone and the audit tells so. */
  async function take({ merchantId, key, keyId, requestId, requestHash }: NamedSettlement): Promise<boolean> {
    const leaseMs = parts.settleWaitMs + leaseMarginMs;
    const rows = await sql`
      INSERT INTO idempotency AS known (merchant_id, route, key, request_hash, key_id, request_id, lease_until)
      VALUES (${merchantId}::uuid, ${settleRoute}, ${key}, ${requestHash}, ${keyId}::uuid, ${requestId},
        now() + ${leaseMs}::integer * interval '1 millisecond')
      ON CONFLICT (merchant_id, route, key) DO UPDATE
      SET lease_until = excluded.lease_until, key_id = excluded.key_id, request_id = excluded.request_id
      WHERE known.status IS NULL AND known.key_id IS NULL AND known.lease_until < now()
        AND known.request_hash = excluded.request_hash
      RETURNING key`;
    return rows.length === 1;
  }

  async function findAnswer({ merchantId, key, requestHash }: NamedSettlement) {
    const [row] = await sql<{ requestHash: Uint8Array; body: string | null }>`
      SELECT request_hash AS "requestHash", body FROM idempotency
      WHERE merchant_id = ${merchantId}::uuid AND route = ${settleRoute} AND key = ${key}`;
    if (row === undefined) return undefined;
    if (Buffer.compare(row.requestHash, requestHash) !== 0) throw new Fault('IDEMPOTENCY_KEY_REUSED');
    return row.body === null ? undefined : ({ kind: 'answered', body: row.body } as const);
  }

  async function isUnanswered({ merchantId, key }: NamedSettlement): Promise<boolean> {
    const rows = await sql`
      SELECT FROM idempotency
      WHERE merchant_id = ${merchantId}::uuid AND route = ${settleRoute} AND key = ${key}
        AND status IS NULL AND key_id IS NOT NULL AND lease_until < now()`;
    return rows.length === 1;
  }

  function openedBy(asked: AskedSettlement): RecordedSettlement {
    return {
      kind: 'open',
      answer: (answer, spent) =>
        end({ ...asked, outcome: outcomeOf(answer), stored: mayChange(answer) ? undefined : answer, spent }),
      fail: ({ code }) => {
        const outcome = { after: { success: false, errorReason: code } };
        return end({ ...asked, outcome, stored: undefined, spent: undefined });
      },
    };
  }
}

/**
 * A payment that failed may still be carried out by somebody else, and its success is told then. Until that happens its row gives
 * the same answer to every repeat.
 */
function mayChange({ success, errorReason, extra }: SettleAnswer): boolean {
  return errorReason === 'settlement_pending' || (!success && extra?.['paymentState'] === 'unused');
}

/** Of a request that made no payment, only why: the rest of the answer repeats what the caller sent. */
function outcomeOf({ success, errorReason, extra, ...answer }: SettleAnswer): EndedSettlement['outcome'] {
  const paymentId = extra?.['paymentId'];
  if (typeof paymentId !== 'string') return { after: { success, errorReason } };
  const { network, payer, amount, transaction } = answer;
  return {
    subject: paymentId,
    after: { success, errorReason, paymentState: extra?.['paymentState'], network, payer, amount, transaction },
  };
}
