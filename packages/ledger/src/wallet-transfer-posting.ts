import type { Amount, Asset } from '@tollkeeper/protocol';
import type { Posting } from './posting.js';

/** The steps of a transfer that move money; each is posted once. */
export type TransferStep = 'sent' | 'created' | 'claimed' | 'cancelled' | 'expired';

/** The scope of the journals of transfers; their key is the transfer's id and the step. */
const walletTransferScope = 'wallet_transfer';

/** What a step of a transfer books: into escrow, out of it to the receiver, or back to the sender. */
export function walletTransferPosting(
  transfer: {
    readonly id: string;
    readonly senderWalletId: string;
    readonly receiverWalletId: string | undefined;
    readonly asset: Asset;
    readonly amount: Amount;
  },
  step: TransferStep,
): Posting {
  const { id, senderWalletId, receiverWalletId, asset, amount } = transfer;
  const sender = { kind: 'merchant_available', owner: senderWalletId } as const;
  const escrow = { kind: 'transfer_escrow', owner: senderWalletId } as const;
  const receiver = { kind: 'merchant_available', owner: receiverWalletId ?? senderWalletId } as const;
  const debit = step === 'sent' || step === 'created' ? sender : escrow;
  const credit = { sent: receiver, created: escrow, claimed: receiver, cancelled: sender, expired: sender }[step];
  return { scope: walletTransferScope, key: `${id}/${step}`, legs: [{ debit, credit, asset, amount }] };
}
