import type { Database, Sql } from '@tollkeeper/database';
import type { Chain, Network, Rejection, SignedTransaction } from '@tollkeeper/protocol';
import type { PlannedTransaction } from './planned-transaction.js';
import type { ReadyPayment } from './ready-payment.js';
import { storeSigned, type SentTransaction } from './chain-transactions.js';
import type { CheckpointHook } from './checkpoint.js';
import { allocateAccountNonces, type HeldLane } from './lanes.js';
import type { Sponsorship, Unsponsored } from './sponsorship.js';

export type Signing =
  | { readonly kind: 'stored'; readonly transactions: readonly SentTransaction[] }
  /** Nothing was signed: these payments cannot be, for these reasons; the others may be tried again without them. */
  | { readonly kind: 'without'; readonly unable: ReadonlyMap<ReadyPayment, Unable> }
  /** Nothing was signed: the lane has gone to another process. */
  | { readonly kind: 'lane_lost' };

/**
 * lost: the claim is gone. stale: the payer has sent something since it was verified. Or it has waited too long, or the day's
 * budget does not suffice.
 */
export type Unable = 'lost' | 'stale' | Expired | Unsponsored;

export interface Expired {
  readonly rejection: Rejection;
}

/**
 * Gives transactions their places in the signer's order, signs them and stores them with their payments' new state, in one
 * database transaction. Whatever fails before the commit leaves nothing behind.
 */
export function createSigning(parts: {
  readonly database: Database;
  readonly chain: Chain;
  readonly processId: string;
  readonly sponsorship: Sponsorship;
  readonly checkpoint: CheckpointHook;
}) {
  const { database, chain, processId } = parts;
  const { network } = chain;

  return async function signAndStore(
    planned: readonly PlannedTransaction[],
    lane: HeldLane | undefined,
  ): Promise<Signing> {
    try {
      return await database.transaction((sql) => attempt(sql, planned, lane));
    } catch (error) {
      if (error instanceof UndoneError) return error.signing;
      throw error;
    }
  };

  async function attempt(
    sql: Sql,
    planned: readonly PlannedTransaction[],
    lane: HeldLane | undefined,
  ): Promise<Signing> {
    const unable = await findUnable(sql, planned);
    if (unable.size > 0) throw new UndoneError({ kind: 'without', unable });
    const first = lane && (await allocateAccountNonces(sql, { ...lane, network, processId, count: planned.length }));
    if (lane !== undefined && first === undefined) throw new UndoneError({ kind: 'lane_lost' });
    // After everything that can take its time: what reverts because it came too late is at our cost.
    const expired = findExpired(planned);
    if (expired.size > 0) throw new UndoneError({ kind: 'without', unable: expired });
    const transactions = planned.map(({ plan, payments }, index) => ({
      ...plan.sign(first === undefined ? undefined : first + BigInt(index)),
      payments,
    }));
    parts.checkpoint('signed');
    await store(sql, { network, signed: transactions });
    return { kind: 'stored', transactions: transactions.map((each) => asSent(network, each)) };
  }

  async function findUnable(
    sql: Sql,
    planned: readonly PlannedTransaction[],
  ): Promise<ReadonlyMap<ReadyPayment, Unable>> {
    const payments = planned.flatMap((each) => each.payments);
    const unable = new Map<ReadyPayment, Unable>();
    const [locked, stale] = await Promise.all([
      lockForSigning(sql, { payments, processId }),
      findStale(sql, { network, payments }),
    ]);
    for (const each of payments) if (!locked.has(each.paymentId)) unable.set(each, 'lost');
    for (const each of stale) if (!unable.has(each)) unable.set(each, 'stale');
    // Only what will be signed is charged: with any of these the whole transaction is undone.
    if (unable.size > 0) return unable;
    for (const [each, reason] of await parts.sponsorship.charge(sql, planned)) unable.set(each, reason);
    return unable;
  }
}

/** A settled payment has a lease only where a reorg took its money back, and nothing that we have signed can bring it again. */
async function lockForSigning(
  sql: Sql,
  { payments, processId }: { readonly payments: readonly ReadyPayment[]; readonly processId: string },
): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }>`
    SELECT id FROM payment
    WHERE id = ANY(${payments.map(({ paymentId }) => paymentId)}::uuid[]) AND lease_holder = ${processId}::uuid
      AND (state IN ('claimed', 'settled') OR retry_alone)
    ORDER BY id
    FOR UPDATE`;
  return new Set(rows.map(({ id }) => id));
}

/**
 * Those whose payer has signed something into flight on this network, through whatever lane or process, that the verification
 * did not take into account: together they may spend one balance twice, at our cost.
 */
async function findStale(
  sql: Sql,
  { network, payments }: { readonly network: Network; readonly payments: readonly ReadyPayment[] },
): Promise<readonly ReadyPayment[]> {
  const payers = payments.map(({ payment }) => payment.authorization);
  const keys = payers.map(({ payer, asset }) => `${asset.token} ${payer}`);
  // Two that sign for one payer wait for each other here, in one order everywhere, and the later sees what the earlier stored.
  const turn = sql`
    SELECT pg_advisory_xact_lock(hashtextextended(key, 0))
    FROM (SELECT DISTINCT key FROM unnest(${keys}::text[]) AS payer (key) ORDER BY key) AS payers`;
  const submitted = sql<{ id: string; payer: string; token: string }>`
    SELECT id, payer, token FROM payment
    WHERE state = 'submitted' AND network = ${network} AND id = ANY(ARRAY(
      SELECT payment_id FROM payment_in_flight JOIN unnest(
        ${payers.map(({ payer }) => payer)}::text[], ${payers.map(({ asset }) => asset.token)}::text[]
      ) AS wanted (payer, token) USING (payer, token)))`;
  const [rows] = await Promise.all([submitted, turn]);
  return payments.filter(({ paymentId, payment: { authorization }, knownInFlight }) =>
    rows.some(
      ({ id, payer, token }) =>
        payer === authorization.payer &&
        token === authorization.asset.token &&
        id !== paymentId &&
        !knownInFlight.has(id),
    ),
  );
}

function findExpired(planned: readonly PlannedTransaction[]): ReadonlyMap<ReadyPayment, Expired> {
  const expired = new Map<ReadyPayment, Expired>();
  for (const each of planned.flatMap(({ payments }) => payments)) {
    const rejection = each.payment.expiry?.();
    if (rejection !== undefined) expired.set(each, { rejection });
  }
  return expired;
}

async function store(
  sql: Sql,
  { network, signed }: { readonly network: Network; readonly signed: readonly SignedWithPayments[] },
): Promise<void> {
  const stored = storeSigned(sql, {
    network,
    transactions: signed.map(({ payments, ...each }) => ({
      signed: each,
      paymentIds: payments.map(({ paymentId }) => paymentId),
    })),
  });
  const moved = signed.flatMap(({ id, payments }) => payments.map((each) => ({ id, each })));
  const updated = sql`
    UPDATE payment
    SET state = CASE payment.state WHEN 'settled' THEN 'settled' ELSE 'submitted' END,
      submitted_at = coalesce(submitted_at, now()),
      transaction = CASE payment.state WHEN 'settled' THEN payment.transaction ELSE signed.transaction END,
      claimed_at_block = coalesce(claimed_at_block, signed.verified_at_block), retry_alone = false, lease_holder = NULL,
      lease_until = NULL
    FROM unnest(
      ${moved.map(({ each }) => each.paymentId)}::uuid[],
      ${moved.map(({ id }) => id)}::text[],
      ${moved.map(({ each }) => each.payment.verifiedAtBlock ?? null)}::numeric[]
    ) AS signed (id, transaction, verified_at_block)
    WHERE payment.id = signed.id AND payment.id = ANY(${moved.map(({ each }) => each.paymentId)}::uuid[])`;
  await Promise.all([stored, updated]);
}

function asSent(network: Network, { payments, ...signed }: SignedWithPayments): SentTransaction {
  const legs = payments.map(({ paymentId, payment: { authorization, verifiedAtBlock } }) => ({
    paymentId,
    expected: { ...authorization, ...(verifiedAtBlock === undefined ? {} : { unusedAtBlock: verifiedAtBlock }) },
  }));
  return { ...signed, network, legs };
}

type SignedWithPayments = SignedTransaction & { readonly payments: readonly ReadyPayment[] };

/** Takes everything back that its database transaction has written. */
class UndoneError extends Error {
  override readonly name = 'UndoneError';
  readonly signing: Signing;

  constructor(signing: Signing) {
    super('Nothing was signed');
    this.signing = signing;
  }
}
