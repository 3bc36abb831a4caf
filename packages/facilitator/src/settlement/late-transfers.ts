import type { Database } from '@tollkeeper/database';
import type { Chain } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { claimedTransferOf, type ClaimedTransferRow } from './chain-transactions.js';
import type { Settled } from './settle-legs.js';

/** How many authorizations one question to the chain is about. */
const paymentsPerQuestion = 100;

/** A payment that failed is looked after in every look at first, and later in every so many looks. */
const eagerSeconds = 600;
const looksPerThoroughOne = 40;
const foreverSeconds = 10 ** 9;

/** An authorization that is void may have been used just before, in a block that we have not seen yet. */
const afterwardsSeconds = 120;

/**
 * Looks for payments that failed by our transaction and were carried out by somebody else after all, as long as the payer's
 * authorization holds: the money that arrived is booked, and the payment's success goes to whoever asks next.
 */
export function createLateTransfers(parts: {
  readonly database: Database;
  readonly chain: Chain;
  readonly settle: (settled: Settled) => Promise<boolean>;
  readonly log: Logger;
}) {
  const { database, chain, log } = parts;
  let looks = 0;

  /** One look. Never throws. */
  return async function look(): Promise<void> {
    const withinSeconds = looks % looksPerThoroughOne === 0 ? foreverSeconds : eagerSeconds;
    looks += 1;
    try {
      const watched = await findWatched(withinSeconds);
      for (let start = 0; start < watched.length; start += paymentsPerQuestion) {
        await lookAt(watched.slice(start, start + paymentsPerQuestion));
      }
    } catch (error) {
      log.warn({ err: error, network: chain.network }, 'late transfers could not be looked for; it is tried again');
    }
  };

  async function lookAt(watched: readonly WatchedRow[]): Promise<void> {
    const effects = await chain.findForeignTransfers(watched.map(claimedTransferOf));
    for (const [index, { id: paymentId }] of watched.entries()) {
      const effect = effects[index];
      if (effect === undefined || !(await parts.settle({ paymentId, effect }))) continue;
      const { transaction } = effect;
      log.warn({ paymentId, transaction }, 'a payment that had failed was carried out by somebody else');
    }
  }

  async function findWatched(withinSeconds: number): Promise<readonly WatchedRow[]> {
    return database.sql<WatchedRow>`
      SELECT id, claim_key AS "claimKey", network, token, amount, payer, pay_to AS "payTo",
        claimed_at_block AS "claimedAtBlock"
      FROM payment
      WHERE network = ${chain.network} AND failed_at IS NOT NULL AND valid_before IS NOT NULL
        AND valid_before > extract(epoch FROM now()) - ${afterwardsSeconds}::integer
        AND failed_at > now() - make_interval(secs => ${withinSeconds})
      ORDER BY failed_at DESC
      LIMIT 1000`;
  }
}

interface WatchedRow extends ClaimedTransferRow {
  readonly id: string;
}
