import type { Database } from '@tollkeeper/database';
import type { Chain } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { boundedClaimOf, claimedTransferOf, type BoundedClaimRow } from './claimed-transfer-row.js';
import type { Settled } from './settle-legs.js';

/** How many payments one look reads; the next one goes on behind them. */
const paymentsPerLook = 1_000;

/** How many authorizations one question to the chain is about. */
const paymentsPerQuestion = 100;

/** A payment that failed is looked after in every round at first, and later in the rounds that begin after so many looks. */
const eagerSeconds = 600;
const looksPerThoroughRound = 40;

/** Once through all payments that are watched, which may take several looks. */
interface Round {
  readonly isThorough: boolean;
  /** The last payment that was read. */
  readonly after: Pick<WatchedRow, 'validBefore' | 'id'> | undefined;
}

/**
 * Looks for payments that failed by our transaction and were carried out by somebody else after all: the money that arrived is
 * booked, and the payment's success goes to whoever asks next. Each is watched until a final block shows that nobody can carry it
 * out any more, which its row tells then: no outage and no crowd makes one forgotten.
 */
export function createLateTransfers(parts: {
  readonly database: Database;
  readonly chain: Chain;
  readonly settle: (settled: Settled) => Promise<boolean>;
  readonly log: Logger;
}) {
  const { database, chain, log } = parts;
  let looks = 0;
  let nextThoroughLook = 0;
  let round: Round | undefined;

  /** One look. Never throws. */
  return async function look(): Promise<void> {
    round ??= beginRound();
    looks += 1;
    const { isThorough } = round;
    await attempt(async () => {
      const rows = await findWatched(round?.after);
      const watched = rows.filter(({ isFresh }) => isThorough || isFresh);
      for (let start = 0; start < watched.length; start += paymentsPerQuestion) {
        // Trouble with these must not keep the others from being looked at.
        await attempt(() => lookAt(watched.slice(start, start + paymentsPerQuestion), isThorough));
      }
      round = rows.length < paymentsPerLook ? undefined : { isThorough, after: rows.at(-1) };
    });
  };

  function beginRound(): Round {
    const isThorough = looks >= nextThoroughLook;
    if (isThorough) nextThoroughLook = looks + looksPerThoroughRound;
    return { isThorough, after: undefined };
  }

  async function attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn({ err: error, network: chain.network }, 'late transfers could not be looked for; it is tried again');
    }
  }

  async function lookAt(watched: readonly WatchedRow[], isThorough: boolean): Promise<void> {
    const effects = await chain.findForeignTransfers(watched.map(claimedTransferOf));
    for (const [index, { id: paymentId }] of watched.entries()) {
      const effect = effects[index];
      if (effect !== undefined) await attempt(() => settle({ paymentId, effect }));
    }
    // One that holds may have been taken back, which nobody needs to know soon.
    const idle = watched.filter(({ isExpired }, index) => (isExpired || isThorough) && effects[index] === undefined);
    await release(idle);
  }

  async function settle({ paymentId, effect }: Settled): Promise<void> {
    if (!(await parts.settle({ paymentId, effect }))) return;
    const { transaction } = effect;
    log.warn({ paymentId, transaction }, 'a payment that had failed was carried out by somebody else');
  }

  /** Watches those no more that no block can hold any more. */
  async function release(idle: readonly WatchedRow[]): Promise<void> {
    const verdicts = (await chain.areVoid?.(idle.map(boundedClaimOf))) ?? [];
    const ids = idle.filter((_, index) => verdicts[index]).map(({ id }) => id);
    if (ids.length === 0) return;
    await database.sql`
      UPDATE payment SET void_at = now()
      WHERE id IN (SELECT id FROM payment WHERE id = ANY(${ids}::uuid[]) AND failed_at IS NOT NULL ORDER BY id FOR UPDATE)`;
  }

  /** Those that expire first come first, so that the index of what is watched has them in order. */
  async function findWatched(after: Round['after']): Promise<readonly WatchedRow[]> {
    return database.sql<WatchedRow>`
      SELECT id, claim_key AS "claimKey", network, token, amount, payer, pay_to AS "payTo",
        claimed_at_block AS "claimedAtBlock", valid_before AS "validBefore",
        failed_at > now() - make_interval(secs => ${eagerSeconds}) AS "isFresh",
        valid_before <= extract(epoch FROM now()) AS "isExpired"
      FROM payment
      WHERE network = ${chain.network} AND failed_at IS NOT NULL AND valid_before IS NOT NULL AND void_at IS NULL
        AND (valid_before, id) > (${after?.validBefore ?? -1n}::numeric, ${after?.id ?? firstId}::uuid)
      ORDER BY valid_before, id
      LIMIT ${paymentsPerLook}`;
  }
}

const firstId = '00000000-0000-0000-0000-000000000000';

interface WatchedRow extends BoundedClaimRow {
  readonly id: string;
  readonly isFresh: boolean;
  readonly isExpired: boolean;
}
