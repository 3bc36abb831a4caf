import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Sql } from '@tollkeeper/database';
import { Fault } from '@tollkeeper/protocol';
import type { AsTenant, TenantTransaction } from '../tenancy/as-tenant.js';
import type { IdempotentRequest, StoredAnswer } from './idempotent-request.js';

/** How long a repeat waits for the request that is under way before it is told so. */
const longestWaitMs = 2_000;
const firstPauseMs = 5;
const longestPauseMs = 100;

/** What one attempt in the transaction found or did; undefined while another connection works under this key. */
type Attempt = { readonly answer: StoredAnswer; readonly replayed: boolean } | undefined;

/**
 * Does the work of a key once, in one transaction with its stored answer: either both are committed or neither, so a crash
 * loses nothing and repeats nothing. A refusal is stored as well, and what it had written is taken back.
 *
 * A repeat waits a moment for the first without holding a connection.
 * @param parts.work answers what to store; a fault that asking again cannot help is stored as `describe` words it
 * @throws Fault `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_FLIGHT`, and whatever `work` threw that is not stored
 */
export async function answerOnce(
  request: IdempotentRequest,
  parts: {
    readonly asTenant: AsTenant;
    readonly work: (transaction: TenantTransaction) => Promise<StoredAnswer>;
    readonly describe: (fault: Fault) => StoredAnswer;
  },
): Promise<{ readonly answer: StoredAnswer; readonly replayed: boolean }> {
  let waitedMs = 0;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const attempt = await parts.asTenant(request.merchantId, (transaction) => attemptIn(transaction, request, parts));
    if (attempt !== undefined) return attempt;
    if (waitedMs >= longestWaitMs) throw new Fault('IDEMPOTENCY_IN_FLIGHT');
    await delay(pauseMs);
    waitedMs += pauseMs;
  }
}

async function attemptIn(
  transaction: TenantTransaction,
  request: IdempotentRequest,
  parts: Parameters<typeof answerOnce>[1],
): Promise<Attempt> {
  const { sql } = transaction;
  // Looked for after the lock, whoever has it: what another repeat only reads is there for this one too.
  const [isLocked, stored] = await Promise.all([lockKey(sql, request), findAnswer(sql, request)]);
  if (stored !== undefined) return { answer: stored, replayed: true };
  if (!isLocked) return undefined;
  const answer = await workOrRefusal(transaction, parts);
  await sql`
    INSERT INTO idempotency (merchant_id, route, key, request_hash, status, content_type, body)
    VALUES (${request.merchantId}::uuid, ${request.route}, ${request.key}, ${request.requestHash}, ${answer.status},
      ${answer.contentType}, ${answer.body})`;
  return { answer, replayed: false };
}

/** Until the end of the transaction; nobody waits, so that repeats never use up the connections that the first one needs. */
async function lockKey(sql: Sql, { merchantId, route, key }: IdempotentRequest): Promise<boolean> {
  const name = createHash('sha256')
    .update(JSON.stringify([merchantId, route, key]))
    .digest()
    .readBigInt64BE();
  const [row] = await sql<{ locked: boolean }>`SELECT pg_try_advisory_xact_lock(${name}::bigint) AS locked`;
  return row?.locked === true;
}

async function findAnswer(sql: Sql, request: IdempotentRequest): Promise<StoredAnswer | undefined> {
  const [row] = await sql<StoredAnswer & { requestHash: Uint8Array }>`
    SELECT request_hash AS "requestHash", status, content_type AS "contentType", body FROM idempotency
    WHERE merchant_id = ${request.merchantId}::uuid AND route = ${request.route} AND key = ${request.key}`;
  if (row === undefined) return undefined;
  if (Buffer.compare(row.requestHash, request.requestHash) !== 0) throw new Fault('IDEMPOTENCY_KEY_REUSED');
  return { status: row.status, contentType: row.contentType, body: row.body };
}

async function workOrRefusal(
  transaction: TenantTransaction,
  { work, describe }: Parameters<typeof answerOnce>[1],
): Promise<StoredAnswer> {
  await transaction.sql`SAVEPOINT money_operation`;
  try {
    return await work(transaction);
  } catch (error) {
    if (!(error instanceof Fault) || error.status >= 500 || error.retryable) throw error;
    await transaction.sql`ROLLBACK TO SAVEPOINT money_operation`;
    return describe(error);
  }
}
