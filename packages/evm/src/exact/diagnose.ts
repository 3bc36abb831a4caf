import type { Rejection } from '@tollkeeper/protocol';
import type { Transfer } from './checks.js';
import type { TokenState } from './token-state.js';

/**
 * Finds out why a transfer does not execute, in the reference's order (diagnoseEip3009SimulationFailure in @x402/evm 2.27.0);
 * undefined when nothing that the token tells explains it.
 */
export function diagnose(state: TokenState, { terms }: Transfer): Rejection | undefined {
  const { domain, amount } = terms;
  if (state.isUsed === undefined) {
    return { reason: 'invalid_exact_evm_eip3009_not_supported', detail: 'The token does not support EIP-3009' };
  }
  if (state.isUsed) {
    return { reason: 'invalid_exact_evm_nonce_already_used', detail: 'The authorization is used or canceled' };
  }
  if (state.name !== undefined && state.name !== domain.name) {
    const detail = "requirements.extra.name is not the token's name";
    return { reason: 'invalid_exact_evm_token_name_mismatch', detail };
  }
  if (state.version !== undefined && state.version !== domain.version) {
    const detail = "requirements.extra.version is not the token's version";
    return { reason: 'invalid_exact_evm_token_version_mismatch', detail };
  }
  if (state.balance !== undefined && state.balance < amount) {
    const detail = `The payer holds ${state.balance}, less than ${amount}`;
    return { reason: 'invalid_exact_evm_insufficient_balance', detail };
  }
  return undefined;
}

/** Whether no simulation needs to show that the transfer fails: the payer has too little, or the authorization is used. */
export function isHopeless({ balance, isUsed }: TokenState, { terms }: Transfer): boolean {
  return isUsed === true || (balance !== undefined && balance < terms.amount);
}
