import type { Network } from '@tollkeeper/protocol';
import type { Closing } from './close-transactions.js';
import type { PlaceEvent } from './place-event.js';

/** What happens in the engine that an operator counts. */
export interface SettlementEvents {
  /** A transaction was sent that carries so many payments. */
  onBatch(batch: { readonly network: Network; readonly payments: number }): void;
  /** A transaction of ours has an end; told once, by the process that closed it. */
  onTransaction(transaction: { readonly network: Network; readonly state: Closing['state'] }): void;
  /** So many payments have an end, for now: somebody else may still carry out one that failed. */
  onConcluded(end: {
    readonly network: Network;
    readonly state: 'settled' | 'failed';
    readonly payments: number;
  }): void;
  /** So many payments are sent again, each alone. */
  onRetry(retry: { readonly network: Network; readonly payments: number }): void;
  /** Stored bytes were sent again, because the chain did not show them. */
  onResend(resend: { readonly network: Network }): void;
  onPlace(place: { readonly network: Network; readonly event: PlaceEvent }): void;
  /** A signer has so much native coin, in wei or lamports. */
  onBalance(account: { readonly network: Network; readonly signer: string; readonly balance: bigint }): void;
}
