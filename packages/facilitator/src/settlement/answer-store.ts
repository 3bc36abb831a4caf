import type { Database } from '@tollkeeper/database';

/** A success that was handed out and not flushed within this time goes to the next caller. */
const deliveryLeaseSeconds = 10;

export type AnswerStore = ReturnType<typeof createAnswerStore>;

/** Who gets the answer of a payment, as guarded statements on its row: one caller at a time, and the success only once. */
export function createAnswerStore({ sql }: Database) {
  return { openAnswer, openAnswers, takeDelivery, confirmDelivery, returnDelivery };

  /** Notes that a caller left without the final answer, so that a later one may collect it. */
  async function openAnswer(id: string): Promise<void> {
    await openAnswers([id]);
  }

  async function openAnswers(ids: readonly string[]): Promise<void> {
    await sql`
      UPDATE payment SET answer_open_since = now()
      WHERE id = ANY(${ids}::uuid[]) AND answer_open_since IS NULL AND delivered_at IS NULL`;
  }

  /** Takes the right to answer success, unless a reorg has taken the money back. `caller` is unique to one response. */
  async function takeDelivery(id: string, caller: string): Promise<boolean> {
    const rows = await sql`
      UPDATE payment
      SET delivery_lease_holder = ${caller}::uuid,
        delivery_lease_until = now() + make_interval(secs => ${deliveryLeaseSeconds})
      WHERE id = ${id}::uuid AND state = 'settled' AND delivered_at IS NULL
        AND (delivery_lease_until IS NULL OR delivery_lease_until < now())
        AND NOT EXISTS (SELECT FROM effect WHERE effect.payment_id = payment.id AND effect.reversed_at IS NOT NULL)
      RETURNING id`;
    return rows.length === 1;
  }

  /** The success was flushed to `caller`; from now on every repeat is a duplicate. */
  async function confirmDelivery(id: string, caller: string): Promise<void> {
    await sql`
      UPDATE payment SET delivered_at = now(), answer_open_since = NULL
      WHERE id = ${id}::uuid AND delivery_lease_holder = ${caller}::uuid AND delivered_at IS NULL`;
  }

  /** The connection to `caller` broke before the success was flushed; the next caller gets it. */
  async function returnDelivery(id: string, caller: string): Promise<void> {
    await sql`
      UPDATE payment
      SET delivery_lease_holder = NULL, delivery_lease_until = NULL,
        answer_open_since = coalesce(answer_open_since, now())
      WHERE id = ${id}::uuid AND delivery_lease_holder = ${caller}::uuid AND delivered_at IS NULL`;
  }
}
