import { createHash, randomBytes } from 'node:crypto';
import type { Sql } from '@tollkeeper/database';
import { type Amount, type Asset, Fault } from '@tollkeeper/protocol';
import type { Ledger } from './ledger.js';
import { withWalletFaults } from './rule-violations.js';
import { listWalletTransfers, readWalletTransfer, type WalletTransfer } from './wallet-transfer-row.js';
import { walletTransferPosting } from './wallet-transfer-posting.js';

export interface TransferRequest {
  readonly id: string;
  readonly senderWalletId: string;
  readonly asset: Asset;
  readonly amount: Amount;
  readonly reference?: string | undefined;
}

export interface ClaimRequest {
  readonly id: string;
  /** The wallet that takes it, whose owner the caller has made sure of. */
  readonly receiverWalletId: string;
  /** Needed where the transfer names no receiver. */
  readonly claimToken?: string | undefined;
}

export type WalletTransfers = ReturnType<typeof createWalletTransfers>;

/**
 * Money from wallet to wallet: in one step, or left in escrow until the receiver claims it, the sender cancels it, or it
 * expires and goes back. Everything runs in the caller's transaction, which is over after any error.
 */
export function createWalletTransfers(parts: { readonly ledger: Ledger }) {
  return { send, create, claim, cancel, find: readWalletTransfer, list: listWalletTransfers };

  /**
   * Moves the money at once.
   * @throws Fault `BALANCE_INSUFFICIENT`, `TRANSFER_TO_ITSELF`, `WALLET_CLOSED`
   */
  async function send(
    sql: Sql,
    request: TransferRequest & { readonly receiverWalletId: string },
  ): Promise<WalletTransfer> {
    return withWalletFaults({ id: request.id }, async () => {
      await sql`
        INSERT INTO wallet_transfer (id, sender_wallet_id, receiver_wallet_id, asset_id, amount, state, reference)
        VALUES (${request.id}::uuid, ${request.senderWalletId}::uuid, ${request.receiverWalletId}::uuid,
          ${await parts.ledger.assetId(sql, request.asset)}, ${request.amount}, 'completed', ${request.reference ?? null})`;
      return post(sql, { id: request.id, step: 'sent' });
    });
  }

  /**
   * Takes the money from its sender into escrow. Without a receiver, whoever shows the claim token may claim it; the token is
   * answered here, and the ledger keeps its hash alone.
   * @throws Fault as `send` does
   */
  async function create(
    sql: Sql,
    request: TransferRequest & { readonly receiverWalletId?: string | undefined; readonly lifetimeSeconds: number },
  ): Promise<{ readonly transfer: WalletTransfer; readonly claimToken: string | undefined }> {
    const claimToken = request.receiverWalletId === undefined ? randomBytes(32).toString('base64url') : undefined;
    return withWalletFaults({ id: request.id }, async () => {
      await sql`
        INSERT INTO wallet_transfer (id, sender_wallet_id, receiver_wallet_id, asset_id, amount, state, claim_token_hash,
          reference, expires_at)
        VALUES (${request.id}::uuid, ${request.senderWalletId}::uuid, ${request.receiverWalletId ?? null}::uuid,
          ${await parts.ledger.assetId(sql, request.asset)}, ${request.amount}, 'pending',
          ${claimToken === undefined ? null : hashOf(claimToken)}, ${request.reference ?? null},
          clock_timestamp() + make_interval(secs => ${request.lifetimeSeconds}))`;
      return { transfer: await post(sql, { id: request.id, step: 'created' }), claimToken };
    });
  }

  /**
   * Gives the money to its receiver, once, if the database's clock says in the deciding statement that it is still there.
   * @throws Fault `TRANSFER_NOT_FOUND`, also for another receiver or a wrong token; `TRANSFER_NOT_PENDING`,
   * `TRANSFER_EXPIRED`, `TRANSFER_TO_ITSELF`, `WALLET_CLOSED`
   */
  async function claim(sql: Sql, { id, receiverWalletId, claimToken }: ClaimRequest): Promise<WalletTransfer> {
    const hash = claimToken === undefined ? null : hashOf(claimToken);
    const [mine] = await sql`
      SELECT id FROM wallet_transfer
      WHERE id = ${id}::uuid AND expires_at IS NOT NULL
        AND (receiver_wallet_id = ${receiverWalletId}::uuid OR claim_token_hash = ${hash}::bytea)`;
    if (mine === undefined) throw new Fault('TRANSFER_NOT_FOUND', { id });
    return withWalletFaults({ id }, async () => {
      const decided = await sql`
        UPDATE wallet_transfer SET state = 'completed', receiver_wallet_id = ${receiverWalletId}::uuid
        WHERE id = ${id}::uuid AND state = 'pending' AND clock_timestamp() < expires_at
          AND (receiver_wallet_id = ${receiverWalletId}::uuid
            OR receiver_wallet_id IS NULL AND claim_token_hash = ${hash}::bytea)
        RETURNING id`;
      if (decided.length === 0) throw refusal(await readWalletTransfer(sql, id));
      return post(sql, { id, step: 'claimed' });
    });
  }

  /**
   * Gives the money back to its sender, once, before it expires.
   * @throws Fault `TRANSFER_NOT_FOUND`, `TRANSFER_NOT_PENDING`, `TRANSFER_EXPIRED`
   */
  async function cancel(sql: Sql, id: string): Promise<WalletTransfer> {
    return withWalletFaults({ id }, async () => {
      const decided = await sql`
        UPDATE wallet_transfer SET state = 'cancelled'
        WHERE id = ${id}::uuid AND state = 'pending' AND clock_timestamp() < expires_at
        RETURNING id`;
      if (decided.length === 0) throw refusal(await readWalletTransfer(sql, id));
      return post(sql, { id, step: 'cancelled' });
    });
  }

  async function post(
    sql: Sql,
    { id, step }: { id: string; step: 'sent' | 'created' | 'claimed' | 'cancelled' },
  ): Promise<WalletTransfer> {
    const transfer = await readWalletTransfer(sql, id);
    await parts.ledger.post(sql, walletTransferPosting(transfer, step));
    return transfer;
  }
}

function hashOf(claimToken: string): Uint8Array {
  return createHash('sha256').update(claimToken).digest();
}

function refusal({ id, state }: WalletTransfer): Fault {
  if (state === 'completed' || state === 'cancelled') return new Fault('TRANSFER_NOT_PENDING', { id, state });
  return new Fault('TRANSFER_EXPIRED', { id });
}
