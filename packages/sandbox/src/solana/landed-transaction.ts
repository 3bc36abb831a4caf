import type { TransactionError } from './transaction-error.js';
import type { InnerInstructions, ReturnData } from './vm.js';

export interface UiTokenAmount {
  readonly amount: string;
  readonly decimals: number;
  readonly uiAmount: number | null;
  readonly uiAmountString: string;
}

export interface TokenBalance {
  readonly accountIndex: number;
  readonly mint: string;
  readonly owner: string;
  readonly programId: string;
  readonly uiTokenAmount: UiTokenAmount;
}

/** Keys that a version 0 transaction took from lookup tables. */
export interface LoadedAddresses {
  readonly writable: readonly string[];
  readonly readonly: readonly string[];
}

/** What a block keeps of a transaction's run. Lamports are decimal strings, so that the journal can hold them as JSON. */
export interface TransactionMeta {
  readonly err: TransactionError | null;
  readonly fee: string;
  readonly preBalances: readonly string[];
  readonly postBalances: readonly string[];
  readonly preTokenBalances: readonly TokenBalance[];
  readonly postTokenBalances: readonly TokenBalance[];
  readonly logMessages: readonly string[];
  readonly innerInstructions: readonly InnerInstructions[];
  readonly loadedAddresses: LoadedAddresses;
  readonly computeUnitsConsumed: number;
  readonly returnData: ReturnData | null;
}

/** A transaction that was charged and is in a block, whether its instructions succeeded or not. */
export interface LandedTransaction {
  readonly signature: string;
  readonly slot: number;
  /** Seconds since 1970. */
  readonly blockTime: number;
  readonly messageHash: string;
  readonly memo: string | null;
  readonly wire: Uint8Array;
  readonly accountKeys: readonly string[];
  readonly meta: TransactionMeta;
}
