import type { Database, Sql } from '@tollkeeper/database';
import type { Chain } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { readLaneShare } from './lane-shares.js';

/** A lane without a sign of life of its holder for this long goes to another process. */
const laneLeaseSeconds = 6;

/** One signer account on one network that this process may sign with. */
export interface HeldLane {
  readonly signer: string;
  /** What proves, inside the transaction that writes for the lane, that nobody else has taken it meanwhile. */
  readonly fencingToken: bigint;
}

export interface Lanes {
  /** The lanes that this process holds now, as far as it knows. */
  held(): readonly HeldLane[];
  /** Renews what is held, and asks nobody but the database. To be called well within a lease. */
  keep(): Promise<void>;
  /**
   * Renews what is held, and takes what nobody holds and nobody else lacks; up to its share, also what others lack. What is more than
   * its share it leaves to processes that hold less than theirs.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when a new lane cannot be met with the chain.
   */
  tend(): Promise<void>;
  /** Holds a lane no more that was found to have gone to another process. */
  forget(signer: string): void;
  /** Gives everything back at once, so that no other process has to wait for the leases to end. */
  release(): Promise<void>;
}

/** The lanes of one network that this process shares with others. */
export function createLanes(parts: {
  readonly database: Database;
  readonly chain: Chain;
  readonly processId: string;
  readonly log: Logger;
}): Lanes {
  const { chain, processId, log } = parts;
  const { sql } = parts.database;
  const { network } = chain;
  const shares = { sql, chain, processId };
  let held: readonly HeldLane[] = [];

  return {
    held: () => held,
    keep,
    tend,
    forget(signer) {
      held = held.filter((lane) => lane.signer !== signer);
    },
    release,
  };

  async function keep(): Promise<void> {
    await sql`
      INSERT INTO settler (network, process_id, signers, seen_until)
      VALUES (${network}, ${processId}::uuid, ${chain.signers}::text[],
        now() + make_interval(secs => ${laneLeaseSeconds}))
      ON CONFLICT (network, process_id) DO UPDATE SET seen_until = excluded.seen_until`;
    await renew(shares);
  }

  async function tend(): Promise<void> {
    await keep();
    await sql`DELETE FROM settler WHERE network = ${network} AND seen_until < now() - interval '1 hour'`;
    const mine = await renew(shares);
    const share = await readLaneShare(sql, { network, processId });
    const excess = mine.filter(({ signer }) => share.isWanted(signer)).slice(0, Math.max(mine.length - share.count, 0));
    if (excess.length > 0)
      await giveBack(
        shares,
        excess.map(({ signer }) => signer),
      );
    held = mine.filter((lane) => !excess.includes(lane));
    held = [...held, ...(await take(share.count - held.length, share.isWanted))];
  }

  /** So many of those that nobody holds, and all that nobody else lacks. */
  async function take(count: number, isWanted: (signer: string) => boolean): Promise<readonly HeldLane[]> {
    const taken: HeldLane[] = [];
    const all = await free(shares);
    const wanted = all.filter(isWanted);
    const others = all.filter((signer) => !isWanted(signer));
    for (const signer of [...others, ...wanted.slice(0, Math.max(count - others.length, 0))]) {
      const next = await firstAccountNonce(chain, signer);
      const [lane] = await sql<HeldLane>`
        INSERT INTO lane (network, signer, next_account_nonce, holder, lease_until, fencing_token)
        VALUES (${network}, ${signer}, ${next}, ${processId}::uuid,
          now() + make_interval(secs => ${laneLeaseSeconds}), 1)
        ON CONFLICT (network, signer) DO UPDATE
        SET holder = excluded.holder, lease_until = excluded.lease_until, fencing_token = lane.fencing_token + 1
        WHERE lane.holder IS NULL OR lane.lease_until < now()
        RETURNING signer, fencing_token AS "fencingToken"`;
      if (lane === undefined) continue;
      taken.push(lane);
      log.info({ network, signer, fencingToken: lane.fencingToken.toString() }, 'lane taken');
    }
    return taken;
  }

  async function release(): Promise<void> {
    held = [];
    await giveBack(shares, chain.signers);
    await sql`DELETE FROM settler WHERE network = ${network} AND process_id = ${processId}::uuid`;
  }
}

/** Who shares what. */
interface Shares {
  readonly sql: Sql;
  readonly chain: Chain;
  readonly processId: string;
}

/** What a new lane begins with. The lower of two answers, because a lane that begins too far on does not come back. */
async function firstAccountNonce(chain: Chain, signer: string): Promise<bigint> {
  const one = (await chain.nextAccountNonce(signer)) ?? 0n;
  const other = (await chain.nextAccountNonce(signer)) ?? 0n;
  return one < other ? one : other;
}

async function renew({ sql, chain, processId }: Shares): Promise<readonly HeldLane[]> {
  return sql<HeldLane>`
    UPDATE lane SET lease_until = now() + make_interval(secs => ${laneLeaseSeconds})
    WHERE network = ${chain.network} AND signer = ANY(${chain.signers}::text[]) AND holder = ${processId}::uuid
    RETURNING signer, fencing_token AS "fencingToken"`;
}

async function free({ sql, chain }: Shares): Promise<readonly string[]> {
  const rows = await sql<{ signer: string }>`
    SELECT signer FROM unnest(${chain.signers}::text[]) WITH ORDINALITY AS configured (signer, place)
    WHERE NOT EXISTS (
      SELECT FROM lane
      WHERE lane.network = ${chain.network} AND lane.signer = configured.signer AND lane.holder IS NOT NULL
        AND lane.lease_until >= now())
    ORDER BY place`;
  return rows.map(({ signer }) => signer);
}

async function giveBack({ sql, chain, processId }: Shares, signers: readonly string[]): Promise<void> {
  await sql`
    UPDATE lane SET holder = NULL, lease_until = NULL
    WHERE network = ${chain.network} AND signer = ANY(${signers}::text[]) AND holder = ${processId}::uuid`;
}

/**
 * Takes the next account nonces of a lane within the transaction that stores what is signed with them: if that transaction
 * fails, nothing was taken. Undefined when the lane has gone to another process; then nothing may be written for it.
 */
export async function allocateAccountNonces(
  sql: Sql,
  lane: HeldLane & { readonly network: string; readonly processId: string; readonly count: number },
): Promise<bigint | undefined> {
  const [row] = await sql<{ first: bigint }>`
    UPDATE lane SET next_account_nonce = next_account_nonce + ${lane.count}
    WHERE network = ${lane.network} AND signer = ${lane.signer} AND holder = ${lane.processId}::uuid
      AND fencing_token = ${lane.fencingToken}
    RETURNING next_account_nonce - ${lane.count} AS first`;
  return row?.first;
}

/** Keeps a lane from changing hands until this transaction ends; false when it has gone to another process already. */
export async function lockLane(
  sql: Sql,
  lane: HeldLane & { readonly network: string; readonly processId: string },
): Promise<boolean> {
  const rows = await sql`
    SELECT FROM lane
    WHERE network = ${lane.network} AND signer = ${lane.signer} AND holder = ${lane.processId}::uuid
      AND fencing_token = ${lane.fencingToken}
    FOR SHARE`;
  return rows.length === 1;
}
