import { describe, expect, test } from 'vitest';
import { reasons } from '../reasons.js';
import { failedAnswer, invalidAnswer, reasonText, validAnswer } from './reply.js';

const rejection = { reason: 'invalid_exact_svm_transaction_simulation_failed', detail: 'It fails' } as const;
const version1 = { x402Version: 1, network: 'solana-devnet' } as const;
const version2 = { x402Version: 2, network: 'solana:x' } as const;

describe('a reason', () => {
  test('stands once in the list, in words that a program can compare', () => {
    expect(new Set(reasons).size).toBe(reasons.length);
    for (const reason of reasons) expect(reason).toMatch(/^[a-z0-9]+(_[a-z0-9]+)*$/);
  });

  test('is said in version 2 as the list has it', () => {
    for (const reason of reasons) expect(reasonText(reason, 2)).toBe(reason);
  });

  test.each([
    ['invalid_exact_evm_payload_authorization_value_mismatch', 'invalid_exact_evm_authorization_value'],
    ['invalid_exact_svm_unsupported_scheme', 'unsupported_scheme'],
    ['invalid_exact_svm_network_mismatch', 'network_mismatch'],
    ['invalid_exact_svm_fee_payer_not_managed_by_facilitator', 'fee_payer_not_managed_by_facilitator'],
    ['invalid_exact_svm_transaction_simulation_failed', 'transaction_simulation_failed'],
    ['invalid_exact_svm_transaction_failed', 'transaction_failed'],
    ['duplicate_settlement', 'duplicate_settlement'],
  ] as const)('%s is %s in version 1', (reason, text) => {
    expect(reasonText(reason, 1)).toBe(text);
  });
});

describe('an answer', () => {
  test('to verify says whether, and why not in the words of the caller’s version', () => {
    expect(validAnswer('payer')).toEqual({ isValid: true, payer: 'payer' });
    expect(invalidAnswer(version2, { rejection, payer: 'payer' })).toEqual({
      isValid: false,
      invalidReason: rejection.reason,
      invalidMessage: 'It fails',
      payer: 'payer',
    });
    expect(invalidAnswer(version1, { rejection })).toEqual({
      isValid: false,
      invalidReason: 'transaction_simulation_failed',
      invalidMessage: 'It fails',
    });
  });

  test('to settle always has a transaction and a network, which stock clients insist on', () => {
    expect(failedAnswer(version1, { rejection })).toEqual({
      success: false,
      errorReason: 'transaction_simulation_failed',
      errorMessage: 'It fails',
      transaction: '',
      network: 'solana-devnet',
    });
    const extra = { paymentId: '1' };
    expect(failedAnswer(version2, { rejection, payer: 'payer', transaction: 'hash', extra })).toEqual({
      success: false,
      errorReason: rejection.reason,
      errorMessage: 'It fails',
      payer: 'payer',
      transaction: 'hash',
      network: 'solana:x',
      extra,
    });
  });
});
