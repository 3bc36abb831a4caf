/**
 * Every reason a payment can be refused with. Merchants and clients switch on these strings, so the list is append-only.
 * They are the strings of the published reference packages 2.27.0 wherever those have one.
 */
export const reasons = [
  // Of any scheme.
  'invalid_payload',
  'invalid_payment_requirements',
  'invalid_x402_version',
  'invalid_network',
  'invalid_scheme',
  'unsupported_scheme',
  'unsupported_payload_type',
  'unexpected_verify_error',
  'unexpected_settle_error',
  'settlement_pending',
  'duplicate_settlement',

  // Ours: the reference has no allowlist of assets and no rule about who may be paid, or out of which account on Solana.
  'unsupported_asset',
  'pay_to_not_registered',
  'invalid_exact_svm_payload_source_mismatch',

  // exact on EVM.
  'invalid_exact_evm_scheme',
  'invalid_exact_evm_missing_eip712_domain',
  'invalid_exact_evm_network_mismatch',
  'asset_not_deployed_contract',
  'eip6492_factory_not_allowed',
  'invalid_exact_evm_signature',
  'invalid_exact_evm_recipient_mismatch',
  'invalid_exact_evm_payload_authorization_valid_before',
  'invalid_exact_evm_payload_authorization_valid_after',
  'invalid_exact_evm_payload_authorization_value_mismatch',
  'invalid_exact_evm_eip3009_not_supported',
  'invalid_exact_evm_nonce_already_used',
  'invalid_exact_evm_token_name_mismatch',
  'invalid_exact_evm_token_version_mismatch',
  'invalid_exact_evm_insufficient_balance',
  'invalid_exact_evm_transaction_simulation_failed',
  'invalid_exact_evm_transaction_failed',
  'invalid_exact_evm_transfer_event_mismatch',

  // exact on Solana.
  'invalid_exact_svm_unsupported_scheme',
  'invalid_exact_svm_network_mismatch',
  'invalid_exact_svm_payload_missing_fee_payer',
  'invalid_exact_svm_fee_payer_not_managed_by_facilitator',
  'invalid_exact_svm_payload_transaction_could_not_be_decoded',
  'invalid_exact_svm_payload_excessive_signers',
  'invalid_exact_svm_fee_payer_mismatch',
  'invalid_exact_svm_payload_signature_invalid',
  'invalid_exact_svm_smart_wallet_alt_resolution_not_available',
  'invalid_exact_svm_payload_transaction_instructions_length',
  'invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction',
  'invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction_too_high',
  'invalid_exact_svm_payload_transaction_instructions_compute_price_instruction',
  'invalid_exact_svm_payload_transaction_instructions_compute_price_instruction_too_high',
  'invalid_exact_svm_payload_no_transfer_instruction',
  'invalid_exact_svm_payload_transaction_fee_payer_transferring_funds',
  'invalid_exact_svm_payload_transaction_fee_payer_included_in_instruction_accounts',
  'invalid_exact_svm_payload_mint_mismatch',
  'invalid_exact_svm_payload_recipient_mismatch',
  'invalid_exact_svm_payload_amount_mismatch',
  'invalid_exact_svm_payload_unknown_fourth_instruction',
  'invalid_exact_svm_payload_unknown_fifth_instruction',
  'invalid_exact_svm_payload_unknown_sixth_instruction',
  'invalid_exact_svm_payload_unknown_seventh_instruction',
  'invalid_exact_svm_payload_memo_count',
  'invalid_exact_svm_payload_memo_mismatch',
  'invalid_exact_svm_transaction_simulation_failed',
  'invalid_exact_svm_transaction_failed',
] as const;

export type Reason = (typeof reasons)[number];

/** A payment that does not hold, and why. `detail` is for people: it never carries a key, a signature or a raw payload. */
export interface Rejection {
  readonly reason: Reason;
  readonly detail: string;
  /** It says nothing about the payment, but about the moment: the same payment may hold later. */
  readonly isPassing?: true;
}

/** Whether the reason is that the authorization was used or taken back: somebody may have carried the payment out. */
export function saysUsed({ reason }: Rejection): boolean {
  return reason === 'invalid_exact_evm_nonce_already_used';
}
