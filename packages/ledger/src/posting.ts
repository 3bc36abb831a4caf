import type { Amount, Asset } from '@tollkeeper/protocol';
import type { AccountKind } from './chart-of-accounts.js';

/** An account by what it is, which is how callers name it; it is opened by its first posting. */
export interface AccountName {
  readonly kind: AccountKind;
  readonly owner: string;
}

/** One movement between two accounts of one asset. */
export interface Leg {
  readonly debit: AccountName;
  readonly credit: AccountName;
  readonly asset: Asset;
  readonly amount: Amount;
}

/** The legs of one event, posted together or not at all, once for each (scope, key). */
export interface Posting {
  readonly scope: string;
  readonly key: string;
  readonly legs: readonly Leg[];
  /** The journal that this one takes back. Each can be taken back once. */
  readonly reverses?: bigint;
}

export interface Posted {
  readonly journalId: bigint;
  /** The event had been posted before, with the same legs; nothing moved now. */
  readonly replayed: boolean;
}
