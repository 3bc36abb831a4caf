import type { Authorization, Network, Reason, X402Version } from '@tollkeeper/protocol';

/**
 * claimed: nothing is signed yet. refused: nothing will be, as the caller is about to be told. submitted: signed bytes exist, ours
 * or a stranger's. settled: the money moved. failed: our transaction did not move it and never will.
 */
export type PaymentState = 'claimed' | 'refused' | 'submitted' | 'settled' | 'failed';

/** A payment as the database has it: the only truth about what was promised and what happened. */
export interface PaymentRow {
  readonly id: string;
  readonly scheme: string;
  readonly network: Network;
  readonly token: string;
  /** Minor units of the token. */
  readonly amount: bigint;
  readonly payer: string;
  readonly payTo: string;
  readonly x402Version: X402Version;
  readonly state: PaymentState;
  /** The hash or signature of our transaction, from the moment it is signed. */
  readonly transaction: string | null;
  readonly failureReason: Reason | null;
  readonly failureDetail: string | null;
  readonly claimedAt: Date;
  readonly submittedAt: Date | null;
  readonly concludedAt: Date | null;
  readonly deliveredAt: Date | null;
  /** The claim belongs to a process that still works on it. */
  readonly leased: boolean;
  /** The last caller left without a final answer, so a later one may collect it. */
  readonly answerOpen: boolean;
  /** The success is on its way to a caller right now. */
  readonly delivering: boolean;
  readonly delivered: boolean;
}

/**
 * What a caller needs to know before it decides to pay again. `unused` means that no money moved, and none will by our
 * transaction; an EVM authorization that was not used can be sent by others until it expires.
 */
export function paymentStateOf(row: PaymentRow): 'unused' | 'in_flight' | 'settled' {
  if (row.state === 'settled') return 'settled';
  return row.state === 'failed' || row.state === 'refused' ? 'unused' : 'in_flight';
}

/** Whether an authorization is presented under the requirements that it was claimed for. */
export function isForSameRequirements(row: PaymentRow, authorization: Authorization): boolean {
  return (
    row.scheme === authorization.scheme &&
    row.network === authorization.asset.network &&
    row.token === authorization.asset.token &&
    row.amount === authorization.amount &&
    row.payer === authorization.payer &&
    row.payTo === authorization.payTo
  );
}
