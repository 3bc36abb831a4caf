import type { Database, Sql } from '@tollkeeper/database';
import { createGroupCommit, type Concluded, type Decision, type Ledger } from '@tollkeeper/ledger';
import type { Asset, OnChainEffect } from '@tollkeeper/protocol';
import { announceChanges } from './payment-signal.js';

/** Evidence that a payment's money moved. */
export interface Settled {
  readonly paymentId: string;
  readonly effect: OnChainEffect;
}

/** What is posted for a payment, and the asset of its effect. */
interface Booking extends Decision {
  readonly assetId: number | null;
}

/**
 * Turns evidence into settled payments: the new state, the on-chain effect and the credit, in one database transaction for all
 * that come together. Repeating it changes nothing.
 */
export function createSettling(parts: { readonly database: Database; readonly ledger: Ledger }) {
  const { ledger } = parts;
  const commits = createGroupCommit<Settled, Booking>({ ...parts, guard, after, keyOf: ({ paymentId }) => paymentId });

  return {
    /** True when this call settled the payment; false when it was settled before. */
    async settle(settled: Settled): Promise<boolean> {
      return (await commits.commit(settled)).state === 'posted';
    },
    /** Resolves when everything under way is committed. */
    stop: () => commits.stop(),
  };

  /**
   * Only a payment that has signed something is settled, and only once. One that had failed is settled by what came after all.
   * Payments are found by their ids alone: an index that begins elsewhere may look as good while the table is young.
   */
  async function guard(sql: Sql, items: readonly Settled[]): Promise<readonly (Booking | undefined)[]> {
    const ids = items.map(({ paymentId }) => paymentId);
    const transactions = Object.fromEntries(items.map(({ paymentId, effect }) => [paymentId, effect.transaction]));
    const moving = sql<{ id: string }>`
      WITH locked AS (
        SELECT id FROM payment WHERE id = ANY(${ids}::uuid[]) AND state IN ('submitted', 'failed') ORDER BY id FOR UPDATE
      )
      UPDATE payment
      SET state = 'settled', concluded_at = now(), transaction = ${JSON.stringify(transactions)}::jsonb ->> payment.id::text,
        failure_reason = NULL, failure_detail = NULL, retry_alone = false, lease_holder = NULL, lease_until = NULL
      FROM locked
      WHERE payment.id = locked.id AND payment.state IN ('submitted', 'failed')
      RETURNING payment.id`;
    const [rows, wallets, assetIds] = await Promise.all([moving, walletsOf(sql, items), assetIdsOf(sql, items)]);
    const moved = new Set(rows.map(({ id }) => id));
    return items.map(({ paymentId, effect }) => {
      if (!moved.has(paymentId)) return undefined;
      const walletId = wallets.get(`${effect.asset.network} ${effect.to}`);
      const assetId = assetIds.get(keyOf(effect.asset)) ?? null;
      return { assetId, postings: walletId === undefined ? [] : [creditOf({ paymentId, effect }, walletId)] };
    });
  }

  /** Every credit goes through the row of an on-chain effect, so that one transfer is never credited twice. */
  async function after(sql: Sql, concluded: readonly Concluded<Settled, Booking>[]): Promise<void> {
    const effects = concluded.map(({ item }) => item.effect);
    const announced = announceChanges(
      sql,
      concluded.map(({ item }) => item.paymentId),
    );
    const recorded = sql`
      INSERT INTO effect (network, transaction, position, asset_id, sender, recipient, amount, block_number, block_hash,
        payment_id, journal_id)
      SELECT * FROM unnest(
        ${effects.map(({ asset }) => asset.network)}::text[],
        ${effects.map(({ transaction }) => transaction)}::text[],
        ${effects.map(({ position }) => position)}::text[],
        ${concluded.map(({ decision }) => decision.assetId)}::integer[],
        ${effects.map(({ from }) => from)}::text[],
        ${effects.map(({ to }) => to)}::text[],
        ${effects.map(({ amount }) => amount)}::numeric[],
        ${effects.map(({ block }) => block.number)}::numeric[],
        ${effects.map(({ block }) => block.hash)}::text[],
        ${concluded.map(({ item }) => item.paymentId)}::uuid[],
        ${concluded.map(({ posted }) => posted[0]?.journalId ?? null)}::bigint[])`;
    await Promise.all([announced, recorded]);
  }

  async function assetIdsOf(sql: Sql, items: readonly Settled[]): Promise<ReadonlyMap<string, number>> {
    const assets = new Map(items.map(({ effect: { asset } }) => [keyOf(asset), asset]));
    const ids = new Map<string, number>();
    for (const [key, asset] of assets) ids.set(key, await ledger.assetId(sql, asset));
    return ids;
  }
}

/** The payment is part of the key, because a reorg may put the transfer of another one in the place that this one had. */
function creditOf({ paymentId, effect }: Settled, walletId: string) {
  return {
    scope: 'effect',
    key: `${effect.asset.network}/${effect.transaction}/${effect.position}/${paymentId}`,
    legs: [
      {
        debit: { kind: 'custody', owner: effect.to },
        credit: { kind: 'merchant_pending', owner: walletId },
        asset: effect.asset,
        amount: effect.amount,
      },
    ],
  } as const;
}

/** The wallets whose deposit addresses received something; money to other addresses is relayed and not ours to book. */
async function walletsOf(sql: Sql, items: readonly Settled[]): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ network: string; address: string; walletId: string }>`
    SELECT network, address, wallet_id AS "walletId" FROM deposit_address
    WHERE (network, address) IN (SELECT * FROM unnest(
      ${items.map(({ effect }) => effect.asset.network)}::text[], ${items.map(({ effect }) => effect.to)}::text[]))`;
  return new Map(rows.map(({ network, address, walletId }) => [`${network} ${address}`, walletId]));
}

const keyOf = ({ network, token }: Asset) => `${network} ${token}`;
