import type { Network } from '@tollkeeper/protocol';
import type { PlaceEvent } from './place-event.js';

/** What happens in the engine that an operator counts. */
export interface SettlementEvents {
  /** A transaction was sent that carries so many payments. */
  onBatch(batch: { readonly network: Network; readonly payments: number }): void;
  /** A transaction of ours has an end. */
  onTransaction(transaction: { readonly network: Network; readonly state: 'included' | 'expired' | 'replaced' }): void;
  /** So many payments are sent again, each alone. */
  onRetry(retry: { readonly network: Network; readonly payments: number }): void;
  onPlace(place: { readonly network: Network; readonly event: PlaceEvent }): void;
  /** A signer has so much native coin, in wei or lamports. */
  onBalance(account: { readonly network: Network; readonly signer: string; readonly balance: bigint }): void;
}
