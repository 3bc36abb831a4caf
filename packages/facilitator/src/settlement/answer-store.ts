import type { Database, Sql } from '@tollkeeper/database';
import { createBatcher } from '@tollkeeper/protocol';
import type { PaymentRow } from './payment-row.js';

/** A success that was handed out and not flushed within this time goes to the next caller. */
const deliveryLeaseSeconds = 10;

/** Concurrent callers share their statements, up to so many in one. */
const rowsPerStatement = 200;

/** One response that wants to say, or has said, that a payment is settled. */
export interface Answer {
  readonly paymentId: string;
  /** Unique to the response. */
  readonly caller: string;
}

export type AnswerStore = ReturnType<typeof createAnswerStore>;

/**
 * Who gets the answer of a payment, as guarded statements on its row: one caller at a time, and the success only once. Rows are
 * locked in the order of their ids, as settling locks them: another process may be at the same payments.
 */
export function createAnswerStore({ sql }: Database) {
  const maximumItems = rowsPerStatement;
  return {
    openAnswers,
    /** Takes the right to answer success, unless a reorg has taken the money back; answers the payment when it was taken. */
    takeDelivery: createBatcher({ run: takeDeliveries, maximumItems, purpose: 'write' }),
    /** The success was flushed; from now on every repeat is a duplicate. */
    confirmDelivery: createBatcher({ run: confirmDeliveries, maximumItems, purpose: 'write' }),
    returnDelivery,
  };

  /** Notes that callers left without the final answer, so that later ones may collect it. */
  async function openAnswers(ids: readonly string[]): Promise<void> {
    await sql`
      UPDATE payment SET answer_open_since = now()
      WHERE id = ANY(${ids}::uuid[]) AND answer_open_since IS NULL AND delivered_at IS NULL`;
  }

  async function takeDeliveries(answers: readonly Answer[]): Promise<readonly (PaymentRow | undefined)[]> {
    // Of several callers for one payment the statement takes any one.
    const rows = await sql<PaymentRow & { readonly caller: string }>`
      WITH locked AS (
        SELECT id FROM payment WHERE id = ANY(${idsOf(answers)}::uuid[]) AND state = 'settled' ORDER BY id FOR NO KEY UPDATE
      ), taken AS (
        UPDATE payment
        SET delivery_lease_holder = (${callersOf(answers)}::jsonb ->> payment.id::text)::uuid,
          delivery_lease_until = now() + make_interval(secs => ${deliveryLeaseSeconds})
        FROM locked
        WHERE payment.id = locked.id AND payment.delivered_at IS NULL
          AND (payment.delivery_lease_until IS NULL OR payment.delivery_lease_until < now())
          -- Counted, so that no plan goes through all that was ever reversed for each payment.
          AND (SELECT count(reversed_at) FROM effect WHERE effect.payment_id = payment.id) = 0
        RETURNING payment.id
      )
      SELECT payment_status.*, ${callersOf(answers)}::jsonb ->> id::text AS caller FROM payment_status
      WHERE id = ANY(ARRAY(SELECT id FROM taken))`;
    const byCaller = new Map(rows.map((row) => [row.caller, row]));
    return answers.map(({ caller }) => byCaller.get(caller));
  }

  async function confirmDeliveries(answers: readonly Answer[]): Promise<readonly undefined[]> {
    await spendSuccesses(sql, answers);
    return answers.map(() => undefined);
  }

  /** The connection broke before the success was flushed; the next caller gets it. */
  async function returnDelivery({ paymentId, caller }: Answer): Promise<void> {
    await sql`
      UPDATE payment
      SET delivery_lease_holder = NULL, delivery_lease_until = NULL,
        answer_open_since = coalesce(answer_open_since, now())
      WHERE id = ${paymentId}::uuid AND delivery_lease_holder = ${caller}::uuid AND delivered_at IS NULL`;
  }
}

/**
 * From now on every repeat is a duplicate: these were told, or are kept for whoever has the right to hear them again.
 * @returns the callers whose success it was: where a lease ran out, another caller may have taken it
 */
export async function spendSuccesses(sql: Sql, answers: readonly Answer[]): Promise<ReadonlySet<string>> {
  const spent = await sql<{ readonly caller: string }>`
    WITH locked AS (
      SELECT id FROM payment WHERE id = ANY(${idsOf(answers)}::uuid[]) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE payment SET delivered_at = now(), answer_open_since = NULL
    FROM locked
    WHERE payment.id = locked.id AND payment.delivered_at IS NULL
      AND payment.delivery_lease_holder = (${callersOf(answers)}::jsonb ->> payment.id::text)::uuid
    RETURNING payment.delivery_lease_holder AS caller`;
  return new Set(spent.map(({ caller }) => caller));
}

const idsOf = (answers: readonly Answer[]) => answers.map(({ paymentId }) => paymentId);

/** As a JSON object, in which the database finds the caller of each payment without comparing it to all the others. */
const callersOf = (answers: readonly Answer[]) =>
  JSON.stringify(Object.fromEntries(answers.map(({ paymentId, caller }) => [paymentId, caller])));
