import type { Rejection, VerifiedPayment } from '@tollkeeper/protocol';
import type { ClaimHeight } from './claim-heights.js';
import type { SentTransaction } from './chain-transactions.js';

/** What became of a payment on its way to a signature. */
export type Submission =
  | { readonly kind: 'submitted'; readonly sent: SentTransaction }
  /** Somebody else has carried it out: nothing is to be signed, and the evidence ends it. */
  | { readonly kind: 'overtaken' }
  /** It may not be sent; nothing was signed for it now. */
  | { readonly kind: 'refused'; readonly rejection: Rejection }
  /** The claim is gone: its caller gave up, or its lease ran out. Nothing was signed here. */
  | { readonly kind: 'lost' }
  /** No lane of this process can sign it any more; another process may. */
  | { readonly kind: 'handed_over' }
  /** Our own trouble, as it was thrown. Whether something was signed is for the database to say. */
  | { readonly kind: 'trouble'; readonly error: unknown };

/** A verified payment that waits for a lane. */
export interface ReadyPayment {
  readonly paymentId: string;
  readonly payment: VerifiedPayment;
  /** The payer's other payments in flight that its verification took into account. */
  readonly knownInFlight: ReadonlySet<string>;
  /** It failed in company before, so it travels alone now. */
  readonly alone: boolean;
  /** For whoever signs it, if that is another process. Never rejects. */
  readonly claimHeight: ClaimHeight;
  /** Its end, told once; `stale` sends it back to be verified anew. */
  readonly end: (outcome: Submission | 'stale') => void;
}
