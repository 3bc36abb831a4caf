/**
 * The body of `GET /payments/:id`: everything that is known about one payment. Amounts, fees and block numbers are decimal
 * strings, because a JSON number cannot hold them; times are ISO 8601 in UTC.
 */
export interface PaymentReport {
  readonly id: string;
  /** claimed: nothing is signed yet. submitted: signed bytes exist. settled: the money moved. failed: our transaction did not move it. */
  readonly state: 'claimed' | 'submitted' | 'settled' | 'failed';
  /** What to know before paying again: `unused` means that no money moved, and none will by our transaction. */
  readonly paymentState: 'unused' | 'in_flight' | 'settled';
  readonly scheme: string;
  readonly network: string;
  readonly asset: string;
  readonly amount: string;
  readonly payer: string;
  readonly payTo: string;
  /** The hash or signature of our transaction, from the moment it is signed. */
  readonly transaction: string | null;
  readonly failure: { readonly reason: string; readonly detail: string | null } | null;
  readonly claimedAt: string;
  readonly submittedAt: string | null;
  readonly concludedAt: string | null;
  /** Submitted for longer than anything should take. The operator is told, and its outcome is still looked for. */
  readonly overdue: boolean;
  /** When a caller had received the success in full. */
  readonly answerDeliveredAt: string | null;
  /** What we sent for it. */
  readonly attempts: readonly PaymentAttempt[];
  /** The transfer on chain that proves it. A settled payment stays settled when a reorg takes it back: look at `finality`. */
  readonly evidence: PaymentEvidence | null;
}

/** One transaction that we signed for a payment. */
export interface PaymentAttempt {
  readonly transaction: string;
  readonly signer: string;
  readonly accountNonce: string | null;
  readonly signedAt: string;
  /** Wei or lamports, once it is in a block. */
  readonly feePaid: string | null;
}

/** Where on chain the money moved. */
export interface PaymentEvidence {
  readonly transaction: string;
  readonly position: string;
  readonly blockNumber: string;
  readonly blockHash: string;
  /** Whether it is credited to a wallet in our custody. */
  readonly credited: boolean;
  /** confirmed: a reorg may still undo it. final: none can. reversed: a reorg took it back; it may be included again. */
  readonly finality: 'confirmed' | 'final' | 'reversed';
  readonly finalAt: string | null;
  /** Since when the chain does not have it. */
  readonly reversedAt: string | null;
}
