import { amount, type BoundedClaim, type ClaimedTransfer, type Network } from '@tollkeeper/protocol';

/** The columns of a payment that say what is to move. */
export interface ClaimedTransferRow {
  readonly claimKey: string;
  readonly network: Network;
  readonly token: string;
  readonly amount: bigint;
  readonly payer: string;
  readonly payTo: string;
  readonly claimedAtBlock: bigint | null;
}

export function claimedTransferOf(row: ClaimedTransferRow): ClaimedTransfer {
  return {
    asset: { network: row.network, token: row.token },
    payer: row.payer,
    payTo: row.payTo,
    amount: amount(row.amount),
    claimKey: row.claimKey,
    ...(row.claimedAtBlock === null ? {} : { unusedAtBlock: row.claimedAtBlock }),
  };
}

/** The same, and until when it may move. */
export interface BoundedClaimRow extends ClaimedTransferRow {
  /** Seconds since 1970. */
  readonly validBefore: bigint;
}

export function boundedClaimOf(row: BoundedClaimRow): BoundedClaim {
  return { ...claimedTransferOf(row), validBefore: row.validBefore };
}
