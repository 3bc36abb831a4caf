import type { Sql } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import type { SentTransaction } from './chain-transactions.js';
import type { PlannedTransaction } from './planned-transaction.js';
import type { ReadyPayment } from './ready-payment.js';

/** What settling may cost us in the native coin, in wei or lamports; undefined: no limit. */
export type DailyBudget = (network: Network) => bigint | undefined;

export interface Sponsorship {
  /**
   * Charges what the transactions may cost at most to the day's budgets, within the transaction that signs them. The payments
   * that exceed one are answered with whose it is, and the caller must undo everything then.
   */
  charge(sql: Sql, planned: readonly PlannedTransaction[]): Promise<ReadonlyMap<ReadyPayment, Unsponsored>>;
  /**
   * Charges what a bid may cost more than the transaction that it outbids, whatever is left of a budget: what is signed must
   * not stay in the way of others. New payments find that much less.
   */
  chargeBid(sql: Sql, bid: { readonly sent: SentTransaction; readonly addedFee: bigint }): Promise<void>;
}

/** The merchant, or the payTo that is no merchant's, whose budget does not suffice for a payment. */
export interface Unsponsored {
  readonly beneficiary: string;
}

/**
 * Keeps what a stranger can make us spend on one merchant within bounds, through all its addresses, or on one payTo that is no
 * merchant's. The day is UTC's, by the database's clock.
 */
export function createSponsorship(parts: {
  readonly network: Network;
  readonly dailyBudget: DailyBudget;
}): Sponsorship {
  const { network } = parts;
  const budget = parts.dailyBudget(network);

  return {
    async charge(sql, planned) {
      if (budget === undefined) return new Map();
      const costs = new Map<string, bigint>();
      for (const { plan, payments } of planned) {
        addParts(costs, { payTos: payments.map(({ payment }) => payment.authorization.payTo), fee: plan.maximumFee });
      }
      const exceeded = await spend(sql, { network, costs, budget });
      const payments = planned.flatMap((each) => each.payments);
      return new Map(
        payments.flatMap((each) => {
          const beneficiary = exceeded.get(each.payment.authorization.payTo);
          return beneficiary === undefined ? [] : [[each, { beneficiary }] as const];
        }),
      );
    },

    async chargeBid(sql, { sent, addedFee }) {
      if (budget === undefined || sent.legs.length === 0) return;
      const costs = new Map<string, bigint>();
      addParts(costs, { payTos: sent.legs.map(({ expected }) => expected.payTo), fee: addedFee });
      await spend(sql, { network, costs, budget: null });
    },
  };
}

/** Each payment costs an equal part of what its transaction can, rounded up. */
function addParts(
  costs: Map<string, bigint>,
  { payTos, fee }: { readonly payTos: readonly string[]; readonly fee: bigint },
): void {
  const count = BigInt(payTos.length);
  const part = (fee + count - 1n) / count;
  for (const payTo of payTos) costs.set(payTo, (costs.get(payTo) ?? 0n) + part);
}

/** Charges what is within the budget; null charges all. Answers the payTos whose costs are not charged, and for whom they were. */
async function spend(
  sql: Sql,
  {
    network,
    costs,
    budget,
  }: { readonly network: Network; readonly costs: ReadonlyMap<string, bigint>; readonly budget: bigint | null },
): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ payTo: string; beneficiary: string }>`
    WITH cost AS MATERIALIZED (
      SELECT pay_to, cost, coalesce(wallet.merchant_id::text, pay_to) AS beneficiary
      FROM unnest(${[...costs.keys()]}::text[], ${[...costs.values()]}::numeric[]) AS each (pay_to, cost)
      LEFT JOIN deposit_address ON deposit_address.network = ${network} AND deposit_address.address = pay_to
      LEFT JOIN wallet ON wallet.id = deposit_address.wallet_id
    ), charged AS (
      INSERT INTO sponsored_fees (network, beneficiary, day, spent)
      SELECT ${network}, beneficiary, (now() AT TIME ZONE 'UTC')::date, sum(cost) FROM cost
      GROUP BY beneficiary
      HAVING ${budget}::numeric IS NULL OR sum(cost) <= ${budget}::numeric
      ORDER BY beneficiary
      ON CONFLICT (network, beneficiary, day) DO UPDATE SET spent = sponsored_fees.spent + excluded.spent
      WHERE ${budget}::numeric IS NULL OR sponsored_fees.spent + excluded.spent <= ${budget}::numeric
      RETURNING beneficiary
    )
    SELECT pay_to AS "payTo", beneficiary FROM cost WHERE beneficiary NOT IN (SELECT beneficiary FROM charged)`;
  return new Map(rows.map(({ payTo, beneficiary }) => [payTo, beneficiary]));
}
