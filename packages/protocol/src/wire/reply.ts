import type { X402Version } from '../payment.js';
import type { Reason, Rejection } from '../reasons.js';

/** How the sender of a request speaks: its protocol version, and the network's name as it wrote it (empty if it wrote none). */
export interface Reply {
  readonly x402Version: X402Version;
  readonly network: string;
}

/** The body of a verify answer (specification v2, section 7.1). */
export interface VerifyAnswer {
  readonly isValid: boolean;
  readonly invalidReason?: string;
  readonly invalidMessage?: string;
  readonly payer?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** The body of a settle answer. `transaction` and `network` are always there: stock clients refuse a body without them. */
export interface SettleAnswer {
  readonly success: boolean;
  readonly errorReason?: string;
  readonly errorMessage?: string;
  readonly payer?: string;
  readonly transaction: string;
  readonly network: string;
  /** Minor units that were moved, on success. */
  readonly amount?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** The published version 1 code says a few things in other words. */
const reasonsV1: Partial<Record<Reason, string>> = {
  invalid_exact_evm_payload_authorization_value_mismatch: 'invalid_exact_evm_authorization_value',
  invalid_exact_svm_unsupported_scheme: 'unsupported_scheme',
  invalid_exact_svm_network_mismatch: 'network_mismatch',
  invalid_exact_svm_fee_payer_not_managed_by_facilitator: 'fee_payer_not_managed_by_facilitator',
  invalid_exact_svm_transaction_simulation_failed: 'transaction_simulation_failed',
  invalid_exact_svm_transaction_failed: 'transaction_failed',
};

/** The reason in the words of the version that the caller speaks. */
export function reasonText(reason: Reason, version: X402Version): string {
  return version === 1 ? (reasonsV1[reason] ?? reason) : reason;
}

export function validAnswer(payer: string): VerifyAnswer {
  return { isValid: true, payer };
}

export function invalidAnswer(
  reply: Reply,
  refusal: { rejection: Rejection; payer?: string | undefined },
): VerifyAnswer {
  return {
    isValid: false,
    invalidReason: reasonText(refusal.rejection.reason, reply.x402Version),
    invalidMessage: refusal.rejection.detail,
    ...(refusal.payer === undefined ? {} : { payer: refusal.payer }),
  };
}

/** A settle answer that is not a success. `transaction` is the hash where something was broadcast. */
export function failedAnswer(
  reply: Reply,
  failure: {
    readonly rejection: Rejection;
    readonly payer?: string | undefined;
    readonly transaction?: string;
    readonly extra?: Readonly<Record<string, unknown>> | undefined;
  },
): SettleAnswer {
  return {
    success: false,
    errorReason: reasonText(failure.rejection.reason, reply.x402Version),
    errorMessage: failure.rejection.detail,
    ...(failure.payer === undefined ? {} : { payer: failure.payer }),
    transaction: failure.transaction ?? '',
    network: reply.network,
    ...(failure.extra === undefined ? {} : { extra: failure.extra }),
  };
}
