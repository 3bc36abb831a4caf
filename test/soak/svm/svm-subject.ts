import type { SolanaChain } from '@tollkeeper/sandbox';
import type { SlotRecord } from './slot-record.js';
import type { SvmPayments } from './svm-payments.js';

/** A Solana chain, when its slots came, and the payments on it. */
export interface SvmSubject {
  readonly chain: SolanaChain;
  readonly slots: SlotRecord;
  readonly payments: SvmPayments;
}
