import type { Database } from '@tollkeeper/database';
import { createBatcher, type Network } from '@tollkeeper/protocol';
import { findAttempts, type SentTransaction } from './chain-transactions.js';

/** What is known of a payer of one token before another payment of its is verified. */
export interface PayerStanding {
  /** Its payments that are signed and have no outcome. */
  readonly inFlight: readonly PaymentInFlight[];
  /** How many of its payments have failed lately after a transaction that we paid for. */
  readonly recentFailures: number;
}

export interface PaymentInFlight {
  readonly paymentId: string;
  readonly amount: bigint;
  /** It awaits another transaction. */
  readonly retryAlone: boolean;
  /** Any of them may move its money. */
  readonly attempts: readonly SentTransaction[];
}

export interface Payer {
  readonly payer: string;
  readonly token: string;
}

/** Failures of this age and younger count. */
const failureWindowSeconds = 600;

/** Reads the standing of payers; concurrent callers share the statements. */
export function createPayerStandings(parts: { readonly database: Database; readonly network: Network }) {
  const { database, network } = parts;
  return createBatcher({ run: read, maximumItems: 200, purpose: 'read' });

  async function read(payers: readonly Payer[]): Promise<readonly PayerStanding[]> {
    const [inFlight, failures] = await Promise.all([findInFlight(payers), countFailures(payers)]);
    const attempts =
      inFlight.length === 0
        ? []
        : await findAttempts(
            database,
            inFlight.map(({ id }) => id),
          );
    return payers.map(({ payer, token }) => ({
      recentFailures: failures.get(payer) ?? 0,
      inFlight: inFlight
        .filter((row) => row.payer === payer && row.token === token)
        .map(({ id, amount, retryAlone }) => ({
          paymentId: id,
          amount,
          retryAlone,
          attempts: attempts.filter(({ legs }) => legs.some(({ paymentId }) => paymentId === id)),
        })),
    }));
  }

  async function findInFlight(payers: readonly Payer[]) {
    return database.sql<{ id: string; payer: string; token: string; amount: bigint; retryAlone: boolean }>`
      SELECT id, payer, token, amount, retry_alone AS "retryAlone" FROM payment
      WHERE state = 'submitted' AND network = ${network} AND id = ANY(ARRAY(
        SELECT payment_id FROM payment_in_flight JOIN unnest(
          ${payers.map(({ payer }) => payer)}::text[], ${payers.map(({ token }) => token)}::text[]
        ) AS asked (payer, token) USING (payer, token)))`;
  }

  /** What no block ever held cost nothing, and was lost by a node or by the network rather than by the payer. */
  async function countFailures(payers: readonly Payer[]): Promise<ReadonlyMap<string, number>> {
    const rows = await database.sql<{ payer: string; count: bigint }>`
      SELECT payer, count(*) AS count FROM payment
      WHERE payer = ANY(${[...new Set(payers.map(({ payer }) => payer))]}::text[]) AND failed_at IS NOT NULL
        AND network = ${network} AND failed_at > now() - make_interval(secs => ${failureWindowSeconds})
        AND EXISTS (
          SELECT FROM transaction_leg AS leg JOIN chain_transaction AS sent ON sent.id = leg.transaction_id
          WHERE leg.payment_id = payment.id AND sent.fee_paid > 0)
      GROUP BY payer`;
    return new Map(rows.map(({ payer, count }) => [payer, Number(count)]));
  }
}
