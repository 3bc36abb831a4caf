import type { Database, Sql } from '@tollkeeper/database';
import { createBatcher, Fault, type SettleAnswer } from '@tollkeeper/protocol';
import { appendAudit, type AuditEntry } from '../audit/audit.js';
import { spendSuccesses, type Answer } from '../settlement/answer-store.js';

/** `/settle` under an `Idempotency-Key`, as the answers of it are stored. */
export const settleRoute = 'POST /settle';

/** Answers that travel in one transaction. */
const maximumAnswers = 100;

/** A settlement that a merchant's key asked for. */
export interface AskedSettlement {
  readonly merchantId: string;
  readonly key: string;
  /** The API key that asked. */
  readonly keyId: string;
  readonly requestId: string;
}

/** How one ended for whoever asked. */
export interface EndedSettlement extends AskedSettlement {
  /** What the audit tells of it. */
  readonly outcome: Pick<AuditEntry, 'subject' | 'after'>;
  /** The answer for every repeat; undefined frees the key. */
  readonly stored: SettleAnswer | undefined;
  /** The success that the stored answer tells: it is spent with it, so that nobody else gets it, whatever happens next. */
  readonly spent: Answer | undefined;
}

/**
 * Ends records: the answer is stored, or the key freed, in one transaction with the entry of the audit. The answers of
 * concurrent calls travel together, because the entries of a merchant form one chain, whose head is locked until the commit.
 * @throws Fault `IDEMPOTENCY_IN_FLIGHT` where another caller took the success, or the key lapsed, because this one was late:
 * nothing is stored, and who asks again is told what became of it
 */
export function createRecordEnds(database: Database): (ended: EndedSettlement) => Promise<void> {
  const end = createBatcher<EndedSettlement, 'ended' | 'late'>({
    maximumItems: maximumAnswers,
    purpose: 'write',
    run: (all) =>
      database.transaction(async (sql) => {
        const late = await findLate(sql, all);
        const ended = all.filter((each) => !late.has(each));
        await Promise.all([
          storeAnswers(
            sql,
            ended.filter(({ stored }) => stored !== undefined),
          ),
          freeKeys(
            sql,
            ended.filter(({ stored }) => stored === undefined),
          ),
        ]);
        await appendInOrder(
          sql,
          ended.map((each) => entryOf(each, each.outcome)),
        );
        return all.map((each) => (late.has(each) ? 'late' : 'ended'));
      }),
  });
  return async (ended) => {
    if ((await end(ended)) === 'late') throw new Fault('IDEMPOTENCY_IN_FLIGHT');
  };
}

/** Spends the successes that are to be stored, and answers what may not be: its key has lapsed, or its success is another caller's. */
async function findLate(sql: Sql, all: readonly EndedSettlement[]): Promise<ReadonlySet<EndedSettlement>> {
  const storing = all.filter(({ stored }) => stored !== undefined);
  if (storing.length === 0) return new Set();
  // Before any success is spent, because one that is spent and not stored could be told to nobody any more.
  const held = await lockKeys(sql, storing);
  const telling = storing.flatMap(({ requestId, spent }) =>
    spent !== undefined && held.has(requestId) ? [spent] : [],
  );
  const callers = telling.length === 0 ? new Set() : await spendSuccesses(sql, telling);
  return new Set(
    storing.filter(
      ({ requestId, spent }) => !held.has(requestId) || (spent !== undefined && !callers.has(spent.caller)),
    ),
  );
}

/** The requests that still have their keys. A lease may have run out, and the key has gone to another call. */
async function lockKeys(sql: Sql, ended: readonly EndedSettlement[]): Promise<ReadonlySet<string>> {
  const rows = await sql<Pick<EndedSettlement, 'requestId'>>`
    SELECT known.request_id AS "requestId" FROM idempotency AS known
    JOIN unnest(${ended.map(({ merchantId }) => merchantId)}::uuid[], ${ended.map(({ key }) => key)}::text[],
      ${ended.map(({ requestId }) => requestId)}::text[]) AS ended (merchant_id, key, request_id)
      ON known.merchant_id = ended.merchant_id AND known.route = ${settleRoute} AND known.key = ended.key
    WHERE known.request_id = ended.request_id AND known.status IS NULL
    ORDER BY known.merchant_id, known.key
    FOR UPDATE OF known`;
  return new Set(rows.map(({ requestId }) => requestId));
}

/**
 * Tells the audit of settlements whose process died before it answered. Their keys stay with their requests: the next call with
 * the same request takes the key.
 * @returns how many there were, at most `limit`
 */
export async function auditUnanswered(database: Database, limit: number): Promise<number> {
  return database.transaction(async (sql) => {
    const unanswered = await sql<AskedSettlement>`
      WITH unanswered AS (
        SELECT merchant_id, route, key, key_id, request_id FROM idempotency
        WHERE status IS NULL AND key_id IS NOT NULL AND lease_until < now()
        ORDER BY lease_until LIMIT ${limit} FOR UPDATE SKIP LOCKED
      )
      UPDATE idempotency SET key_id = NULL, request_id = NULL
      FROM unanswered
      WHERE idempotency.merchant_id = unanswered.merchant_id AND idempotency.route = unanswered.route
        AND idempotency.key = unanswered.key
      RETURNING unanswered.merchant_id AS "merchantId", unanswered.key, unanswered.key_id AS "keyId",
        unanswered.request_id AS "requestId"`;
    await appendInOrder(
      sql,
      unanswered.map((asked) => entryOf(asked, { after: { answered: false } })),
    );
    return unanswered.length;
  });
}

async function storeAnswers(sql: Sql, ended: readonly EndedSettlement[]): Promise<void> {
  if (ended.length === 0) return;
  await sql`
    UPDATE idempotency AS known
    SET status = 200, content_type = 'application/json; charset=utf-8', body = ended.body, lease_until = NULL
    FROM unnest(${ended.map(({ merchantId }) => merchantId)}::uuid[], ${ended.map(({ key }) => key)}::text[],
      ${ended.map(({ requestId }) => requestId)}::text[], ${ended.map(({ stored }) => JSON.stringify(stored))}::text[])
      AS ended (merchant_id, key, request_id, body)
    WHERE known.merchant_id = ended.merchant_id AND known.route = ${settleRoute} AND known.key = ended.key
      AND known.request_id = ended.request_id AND known.status IS NULL`;
}

async function freeKeys(sql: Sql, ended: readonly EndedSettlement[]): Promise<void> {
  if (ended.length === 0) return;
  await sql`
    DELETE FROM idempotency AS known
    USING unnest(${ended.map(({ merchantId }) => merchantId)}::uuid[], ${ended.map(({ key }) => key)}::text[],
      ${ended.map(({ requestId }) => requestId)}::text[]) AS ended (merchant_id, key, request_id)
    WHERE known.merchant_id = ended.merchant_id AND known.route = ${settleRoute} AND known.key = ended.key
      AND known.request_id = ended.request_id AND known.status IS NULL`;
}

function entryOf(
  { merchantId, key, keyId, requestId }: AskedSettlement,
  { subject, after }: EndedSettlement['outcome'],
): AuditEntry & { readonly merchantId: string } {
  return {
    merchantId,
    actor: { kind: 'key', keyId },
    action: 'payment.settle',
    ...(subject === undefined ? {} : { subject }),
    after: { idempotencyKey: key, ...(after as object) },
    requestId,
  };
}

/** Merchant by merchant, so that those who append to the same chains lock them in the same order. */
async function appendInOrder(
  sql: Sql,
  entries: readonly (AuditEntry & { readonly merchantId: string })[],
): Promise<void> {
  const inOrder = entries.toSorted((one, other) => (one.merchantId < other.merchantId ? -1 : 1));
  await Promise.all(inOrder.map((entry) => appendAudit(sql, entry)));
}
