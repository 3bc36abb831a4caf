import type { Amount } from './amount.js';
import type { Asset } from './asset.js';
import type { Network } from './network.js';
import type { Payment } from './payment.js';
import type { Rejection } from './reasons.js';

/**
 * How one scheme on one network proves a payment. A payment passes three gates, each a type of its own:
 * {@link Examination} (bytes only), {@link Verdict} (the chain's state too), {@link TransactionPlan} (ready to be signed).
 */
export interface SchemeHandler {
  readonly scheme: string;
  readonly network: Network;
  /** What `/supported` publishes: the kind's `extra` and the addresses that sign on this network. */
  supported(): SupportedKind;
  /** Every check that needs no RPC. Never throws for anything a caller may send. */
  examine(payment: Payment): Promise<Examination>;
}

export interface SupportedKind {
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly signers: readonly string[];
}

/** What a payer signed, in canonical form: the same for every encoding of one authorization. */
export interface Authorization {
  readonly scheme: string;
  /**
   * Lowercase hex of the canonical bytes that can move the money only once: EVM (chain id, token, payer, nonce), Solana
   * (cluster, message hash). Opaque to the settlement engine, and unique in its database.
   */
  readonly claimKey: string;
  readonly payer: string;
  readonly payTo: string;
  readonly asset: Asset;
  readonly amount: Amount;
  /** EVM: the second since 1970 from which on the authorization is void (`validBefore`); absent where a blockhash bounds it. */
  readonly validBefore?: bigint;
}

/** The outcome of the checks that need no RPC. `payer` is named as soon as the payload names one, for the answer. */
export type Examination =
  /** The payer's consent to these requirements is not proven. */
  | { readonly kind: 'refused'; readonly payer?: string; readonly rejection: Rejection }
  /**
   * The consent is proven, but a new settlement may not start: it came too early or too late, or in a form that the token does
   * not take. A settlement that this authorization started earlier can still be joined.
   */
  | { readonly kind: 'lapsed'; readonly authorization: Authorization; readonly rejection: Rejection }
  | { readonly kind: 'acceptable'; readonly payment: AcceptablePayment };

/** A payment that passed every check that needs no RPC. */
export interface AcceptablePayment {
  readonly authorization: Authorization;
  /**
   * Checks the chain's state, simulation included. Writes nothing.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the chain did not answer; that is no verdict.
   */
  verify(): Promise<Verdict>;
}

export type Verdict =
  | { readonly valid: true; readonly payment: VerifiedPayment }
  | { readonly valid: false; readonly rejection: Rejection };

/** A payment that would move the money if it were sent now. */
export interface VerifiedPayment {
  readonly authorization: Authorization;
  /** The newest block whose state was read: the authorization was unused there. Undefined where nothing needs it. */
  readonly verifiedAtBlock: bigint | undefined;
  /**
   * What it takes of a shared transaction's room (see `Chain.sharing`), in the chain's own measure (EVM: gas); undefined where
   * it must travel alone.
   */
  readonly room: bigint | undefined;
  /**
   * Prepares the transaction that carries this payment, and `company` with it where that is not empty. Reads what signing needs
   * (fees, a gas estimate) from the chain and consumes nothing. A refusal is final for this attempt; of a payment in company it
   * says nothing about any single one.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE`
   */
  plan(options: { readonly signer: string; readonly company: readonly VerifiedPayment[] }): Promise<PlanResult>;
  /**
   * Why it must not be signed any more, where it has waited so long that it may expire before a block takes it. Absent where the
   * bytes that the payer signed bound it, as by a blockhash.
   */
  expiry?(): Rejection | undefined;
}

export type PlanResult =
  | { readonly planned: true; readonly plan: TransactionPlan }
  | { readonly planned: false; readonly rejection: Rejection };

/** A transaction that lacks only its place in the signer's order and the signature. */
export interface TransactionPlan {
  /** The address of ours that signs and pays the fee. */
  readonly signer: string;
  /** Whether the signer's transactions are numbered (an EVM account nonce). */
  readonly ordered: boolean;
  /** The most that the chain can charge for it, in wei or lamports. */
  readonly maximumFee: bigint;
  /** Signs with the given account nonce, or with undefined where `ordered` is false. Does no RPC. */
  sign(accountNonce: bigint | undefined): SignedTransaction;
}

/** A transaction that takes another one's place. */
export interface ReplacementPlan extends TransactionPlan {
  /** How much more the chain can charge for it than for the one whose place it takes; never below 0. */
  readonly addedFee: bigint;
}

export interface SignedTransaction {
  /** EVM: the transaction hash. Solana: the fee payer's signature in base58. */
  readonly id: string;
  /** The bytes to broadcast, any number of times. */
  readonly raw: Uint8Array;
  readonly signer: string;
  readonly accountNonce?: bigint;
  /** Solana: the block height past which the chain can no longer include it. */
  readonly lastValidBlockHeight?: bigint;
}
