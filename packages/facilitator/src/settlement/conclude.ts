import type { Database, Sql } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import type { Network, Observation, OnChainEffect } from '@tollkeeper/protocol';
import type { TransactionInFlight } from './chain-transactions.js';

export type FinalObservation = Exclude<Observation, { readonly state: 'pending' }>;

/**
 * Turns evidence into the payment's end: its new state, the on-chain effect, the credit and the fee, in one database
 * transaction. Repeating it changes nothing. True when this call concluded the payment.
 */
export function createConclusion(parts: { readonly database: Database; readonly ledger: Ledger }) {
  return async function conclude(sent: TransactionInFlight, observation: FinalObservation): Promise<boolean> {
    return parts.database.transaction(async (sql) => {
      if (!(await moveOn(sql, sent, observation))) return false;
      await recordEnd(sql, sent, observation);
      if (observation.state === 'transferred') await recordEffect(sql, sent, observation.effect);
      return true;
    });
  };

  /** Every credit goes through the row of an on-chain effect, so that one transfer is never credited twice. */
  async function recordEffect(sql: Sql, sent: TransactionInFlight, effect: OnChainEffect): Promise<void> {
    const { network } = effect.asset;
    const walletId = await walletOf(sql, { network, address: effect.to });
    const journalId = walletId === undefined ? null : await credit(sql, effect, walletId);
    await sql`
      INSERT INTO effect (network, transaction, position, asset_id, sender, recipient, amount, block_number, block_hash,
        payment_id, journal_id)
      VALUES (${network}, ${effect.transaction}, ${effect.position}, ${await parts.ledger.assetId(sql, effect.asset)},
        ${effect.from}, ${effect.to}, ${effect.amount}, ${effect.block.number}, ${effect.block.hash},
        ${sent.paymentId}::uuid, ${journalId})`;
  }

  async function credit(sql: Sql, effect: OnChainEffect, walletId: string): Promise<bigint> {
    const posted = await parts.ledger.post(sql, {
      scope: 'effect',
      key: `${effect.asset.network}/${effect.transaction}/${effect.position}`,
      legs: [
        {
          debit: { kind: 'custody', owner: effect.to },
          credit: { kind: 'merchant_pending', owner: walletId },
          asset: effect.asset,
          amount: effect.amount,
        },
      ],
    });
    return posted.journalId;
  }
}

/** The guard: only a payment without an outcome gets one. */
async function moveOn(sql: Sql, sent: TransactionInFlight, observation: FinalObservation): Promise<boolean> {
  const rejection = observation.state === 'transferred' ? undefined : observation.rejection;
  // Somebody else may have sent the payer's authorization before us: then the payment ends with that transaction.
  const transaction = observation.state === 'transferred' ? observation.effect.transaction : sent.id;
  const rows = await sql`
    UPDATE payment
    SET state = ${rejection === undefined ? 'settled' : 'failed'}, concluded_at = now(), transaction = ${transaction},
      failure_reason = ${rejection?.reason ?? null}, failure_detail = ${rejection?.detail ?? null}
    WHERE id = ${sent.paymentId}::uuid AND state = 'submitted'
    RETURNING id`;
  return rows.length === 1;
}

async function recordEnd(sql: Sql, sent: TransactionInFlight, observation: FinalObservation): Promise<void> {
  const [state, feePaid] = observation.state === 'expired' ? ['expired', null] : ['included', observation.feePaid];
  await sql`
    UPDATE chain_transaction SET state = ${state}, fee_paid = ${feePaid}, concluded_at = now()
    WHERE network = ${sent.expected.asset.network} AND transaction = ${sent.id}`;
}

async function walletOf(
  sql: Sql,
  deposit: { readonly network: Network; readonly address: string },
): Promise<string | undefined> {
  const [row] = await sql<{ walletId: string }>`
    SELECT wallet_id AS "walletId" FROM deposit_address
    WHERE network = ${deposit.network} AND address = ${deposit.address}`;
  return row?.walletId;
}
