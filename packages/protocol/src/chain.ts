import type { Amount } from './amount.js';
import type { Asset } from './asset.js';
import type { Network } from './network.js';
import type { Rejection } from './reasons.js';
import type { ReplacementPlan, SignedTransaction, TransactionPlan } from './scheme-handler.js';

/** What the settlement engine needs from one network, whatever the scheme. */
export interface Chain {
  readonly network: Network;
  /** The addresses that sign for us here. */
  readonly signers: readonly string[];
  /** Whether the transactions of a signer are numbered and taken in that order (EVM account nonces). */
  readonly ordered: boolean;
  /**
   * Proves that the node serves this network and names the chain by its first block (EVM: block-0 hash, Solana: genesis hash).
   * @throws Fault `CHAIN_WRONG_NETWORK` when the node serves another one.
   */
  identify(): Promise<string>;
  /** The account nonce that the chain expects next of a signer, mined transactions only; undefined where there is none. */
  nextAccountNonce(signer: string): Promise<bigint | undefined>;
  /** The height of the latest block, EVM number or Solana block height. */
  blockHeight(): Promise<bigint>;
  /**
   * Sends signed bytes. Sending them again is harmless, and an answer that looks like a failure ("already known", "nonce too
   * low", a time-out) says nothing about the payment: only {@link Chain.observe} does.
   */
  broadcast(transaction: SignedTransaction): Promise<Broadcast>;
  /**
   * Looks for the evidence of each transfer, in the order given. Transfers that share a transaction (the same `id`) are read
   * together. A hasty look does not wait for what takes long, the search for who carried a payment out before us, or for what is
   * older than a node's memory: it is `pending` until a later hasty look is told what the search has found.
   */
  observe(
    submitted: readonly ObservedTransaction[],
    options?: { readonly isHasty?: boolean },
  ): Promise<readonly Observation[]>;
  /** How payments may share one transaction here; absent where each has its own. */
  readonly sharing?: { readonly maximumPayments: number; readonly maximumRoom: bigint } | undefined;
  /**
   * Prepares a transaction in the same place of the signer's order as `sent`, which outbids it enough to take its place in every
   * node's pool: the same call (`again`), or one that does nothing (`cancel`). Undefined where there is no order, where the fee
   * would be above what this facilitator pays or what the signer has, or where it is many times the price already.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`
   */
  replace(sent: SignedTransaction, purpose: 'again' | 'cancel'): Promise<ReplacementPlan | undefined>;
  /**
   * Whether a block may hold these bytes, as far as their size goes: the network may have lowered the limit since they were signed.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`
   */
  fitsBlock(sent: SignedTransaction): Promise<boolean>;
  /**
   * Prepares a transaction that does nothing, for a place in the signer's order that nothing else fills. Undefined where there is
   * no order, and where the fee would be above what this facilitator pays or what the signer has.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`
   */
  fill(signer: string): Promise<TransactionPlan | undefined>;
  /**
   * Looks for transfers that somebody else carried out with these authorizations since the blocks given, in the order given;
   * undefined where the authorization is unused, or was used without the exact transfer.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`
   */
  findForeignTransfers(claims: readonly ClaimedTransfer[]): Promise<readonly (OnChainEffect | undefined)[]>;
  /**
   * Asks what became of an authorization that does not move money any more, as one node sees it now. Absent where nobody but us
   * can carry out what a payer signed.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`
   */
  findUse?(claim: ClaimedTransfer): Promise<AuthorizationUse>;
  /**
   * Whether no block can hold these transfers any more, in the order given: they are not among the blocks that can never be undone,
   * and as of them the authorization is spent, or expired (`validBefore`, seconds since 1970). Absent where {@link Chain.findUse} is.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`
   */
  areVoid?(claims: readonly BoundedClaim[]): Promise<readonly boolean[]>;
  /**
   * Tells of each inclusion, in the order given, whether the chain still has it there and whether it can still be undone.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`
   */
  finality(inclusions: readonly Inclusion[]): Promise<readonly Finality[]>;
  /** Minor units of `asset` that `owner` holds as of the latest confirmed block; zero where there is no token account. */
  tokenBalance(query: { readonly asset: Asset; readonly owner: string }): Promise<Amount>;
  /**
   * What each holder has as of a block that can never be undone, in the order given: on EVM one block for all, on Solana for
   * each the slot that it was read at, because a node does not tell of earlier ones.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`
   */
  balancesAtFinalized(holders: readonly TokenHolder[]): Promise<readonly FinalizedBalance[]>;
  /** The signer's balance of the native coin, in wei or lamports. */
  nativeBalance(address: string): Promise<bigint>;
  /**
   * Makes `owner` able to receive `asset`. On Solana this creates the token account at our expense; on EVM it does nothing.
   * @returns the native coin that the chain keeps locked for it, in wei or lamports
   */
  prepareToReceive(query: { readonly asset: Asset; readonly owner: string }): Promise<Amount>;
}

export type Broadcast =
  /** The node took it, or knows it already. */
  | { readonly accepted: true }
  /** The node refused it or did not answer; `detail` is for logs. */
  | { readonly accepted: false; readonly detail: string };

/** A transaction of ours and one transfer that it was made for; none where it was made to do nothing. */
export interface ObservedTransaction {
  readonly id: string;
  readonly raw: Uint8Array;
  readonly lastValidBlockHeight?: bigint;
  readonly expected?: ClaimedTransfer;
}

/** A transaction of ours and one transfer that it was made for. */
export interface SubmittedTransaction extends ObservedTransaction {
  readonly expected: ClaimedTransfer;
}

/** A transfer with what finds it, whoever carried it out. */
export interface ClaimedTransfer extends ExpectedTransfer {
  /** See `Authorization.claimKey`. */
  readonly claimKey: string;
  /** A block at which the authorization was still unused: nothing before it needs to be searched. */
  readonly unusedAtBlock?: bigint;
}

/** A transfer whose authorization expires by the clock of the chain. */
export interface BoundedClaim extends ClaimedTransfer {
  /** The second since 1970 from which on it is void. */
  readonly validBefore: bigint;
}

/** What became of an authorization, whoever used it. */
export type AuthorizationUse =
  /** As this node sees it, nobody has used it: the node is behind, or the block of the use is gone. */
  | { readonly state: 'unused' }
  /** It was taken back, or used for other money than expected, or before the blocks that were searched. */
  | { readonly state: 'spent' }
  /**
   * Exactly the expected money moved. `isConfirmed`: in a block that counts as confirmed. `atSeconds`: when, by the clock of that
   * block, in seconds since 1970.
   */
  | {
      readonly state: 'transferred';
      readonly effect: OnChainEffect;
      readonly isConfirmed: boolean;
      readonly atSeconds: bigint;
    };

export interface ExpectedTransfer {
  readonly asset: Asset;
  readonly payer: string;
  readonly payTo: string;
  readonly amount: Amount;
}

export type Observation =
  /** No block that counts as confirmed holds it yet. `inBlock`: a block holds it that is not deep enough. */
  | { readonly state: 'pending'; readonly inBlock?: true }
  /**
   * Exactly the expected money moved, in a confirmed block: by our transaction, or by another one that used the payer's
   * authorization first. `effect.transaction` is the one that moved it; `feePaid` is what ours cost.
   */
  | { readonly state: 'transferred'; readonly effect: OnChainEffect; readonly feePaid: bigint }
  /** It is in a confirmed block and did not move the expected money. */
  | { readonly state: 'failed'; readonly rejection: Rejection; readonly block: Block; readonly feePaid: bigint }
  /** It is in no block and no block can hold it any more. */
  | { readonly state: 'expired'; readonly rejection: Rejection };

export interface Block {
  readonly number: bigint;
  readonly hash: string;
}

/** A transaction and the block that was seen to hold it. */
export interface Inclusion {
  readonly transaction: string;
  readonly block: Block;
}

/**
 * confirmed: the chain has it there and may still undo it. final: it never will. gone: the chain has another block there, or
 * that block without it; where the transaction is now is for {@link Chain.observe} to say. unknown: the node cannot tell,
 * because it has not come that far or does not reach that far back.
 */
export type Finality = 'confirmed' | 'final' | 'gone' | 'unknown';

/** An address and the token that it may hold. */
export interface TokenHolder {
  readonly asset: Asset;
  readonly owner: string;
}

/** What a holder has as of one block, in minor units; undefined where the token does not tell, which must not read as zero. */
export interface FinalizedBalance {
  readonly balance: Amount | undefined;
  /** As in {@link Block}: the number of an EVM block, or a Solana slot. */
  readonly blockNumber: bigint;
}

/** One movement of a token on chain. It becomes one row, and a credit needs that row. */
export interface OnChainEffect extends Inclusion {
  /**
   * Its place within the transaction. EVM: the ordinal of the log among the transaction's logs (the block-wide index moves
   * when a reorg includes the transaction elsewhere). Solana: the token account whose balance changed.
   */
  readonly position: string;
  readonly asset: Asset;
  readonly from: string;
  readonly to: string;
  readonly amount: Amount;
}
