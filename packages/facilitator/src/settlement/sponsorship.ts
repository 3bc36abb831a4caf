import type { Sql } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import type { PlannedTransaction } from './planned-transaction.js';
import type { ReadyPayment } from './ready-payment.js';

/** What settling may cost us in the native coin, in wei or lamports; undefined: no limit. */
export type DailyBudget = (network: Network) => bigint | undefined;

export interface Sponsorship {
  /**
   * Charges what the transactions may cost at most to the day's budget of each payTo, within the transaction that signs them.
   * The payments that exceed one are answered, and the caller must undo everything then.
   */
  charge(sql: Sql, planned: readonly PlannedTransaction[]): Promise<readonly ReadyPayment[]>;
}

/** Keeps what a stranger can make us spend on one payTo within bounds. The day is UTC's, by the database's clock. */
export function createSponsorship(parts: {
  readonly network: Network;
  readonly dailyBudget: DailyBudget;
}): Sponsorship {
  const { network } = parts;
  const budget = parts.dailyBudget(network);

  return {
    async charge(sql, planned) {
      if (budget === undefined) return [];
      const costs = costsOf(planned);
      const charged = await sql<{ payTo: string }>`
        INSERT INTO sponsorship (network, pay_to, day, spent)
        SELECT ${network}, pay_to, (now() AT TIME ZONE 'UTC')::date, cost
        FROM unnest(${[...costs.keys()]}::text[], ${[...costs.values()]}::numeric[]) AS costs (pay_to, cost)
        WHERE cost <= ${budget}
        ORDER BY pay_to
        ON CONFLICT (network, pay_to, day) DO UPDATE SET spent = sponsorship.spent + excluded.spent
        WHERE sponsorship.spent + excluded.spent <= ${budget}
        RETURNING pay_to AS "payTo"`;
      const isCharged = new Set(charged.map(({ payTo }) => payTo));
      return planned
        .flatMap((each) => each.payments)
        .filter(({ payment }) => !isCharged.has(payment.authorization.payTo));
    },
  };
}

/** The most that each payTo's payments can cost, an equal part of what their transaction can, rounded up. */
function costsOf(planned: readonly PlannedTransaction[]): ReadonlyMap<string, bigint> {
  const costs = new Map<string, bigint>();
  for (const { plan, payments } of planned) {
    const parts = BigInt(payments.length);
    const part = (plan.maximumFee + parts - 1n) / parts;
    for (const { payment } of payments) {
      const { payTo } = payment.authorization;
      costs.set(payTo, (costs.get(payTo) ?? 0n) + part);
    }
  }
  return costs;
}
