import type { Database, Sql } from '@tollkeeper/database';
import { Fault, type Chain, type Network } from '@tollkeeper/protocol';

/** One signer account on one network. */
export interface Lane {
  readonly network: Network;
  readonly signer: string;
}

/**
 * Meets the database with the chain at start: an account nonce that the chain has used already is never allocated. What our
 * own rows have allocated beyond it is in flight and is re-sent, not reused.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE`
 */
export async function openLanes(database: Database, chain: Chain): Promise<void> {
  for (const signer of chain.signers) {
    const next = await chain.nextAccountNonce(signer);
    if (next === undefined) continue;
    await database.sql`
      INSERT INTO lane (network, signer, next_account_nonce) VALUES (${chain.network}, ${signer}, ${next})
      ON CONFLICT (network, signer)
      DO UPDATE SET next_account_nonce = greatest(lane.next_account_nonce, excluded.next_account_nonce)`;
  }
}

/**
 * Takes the next account nonce of a lane within the transaction that stores what is signed with it: if that transaction
 * fails, nothing was taken. The row lock puts concurrent signers in order.
 */
export async function allocateAccountNonce(transaction: Sql, lane: Lane): Promise<bigint> {
  const [row] = await transaction<{ allocated: bigint }>`
    UPDATE lane SET next_account_nonce = next_account_nonce + 1
    WHERE network = ${lane.network} AND signer = ${lane.signer}
    RETURNING next_account_nonce - 1 AS allocated`;
  if (row === undefined) throw new Fault('INTERNAL', { problem: 'the lane was never opened', network: lane.network });
  return row.allocated;
}
