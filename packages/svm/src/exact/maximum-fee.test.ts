import { expect, test } from 'vitest';
import {
  computeLimit,
  computePrice,
  transactionText,
  transferInstruction,
} from '../../../../test/svm/solana-payment.js';
import { parseTransaction } from '../transaction/parse-transaction.js';
import { maximumFeeOf } from './maximum-fee.js';

// Two signatures of 5,000 lamports each; a price per unit in millionths of a lamport, rounded up.
test.each([
  [20_000, 0n, 10_000n],
  [20_000, 1n, 10_001n],
  [50_000, 20n, 10_001n],
  [50_001, 20n, 10_002n],
  [200_000, 5_000_000n, 1_010_000n],
])('%i units at %i micro-lamports cost %i lamports at most', (units, price, lamports) => {
  const instructions = [computeLimit(units), computePrice(price), transferInstruction()];
  const transaction = parseTransaction(Buffer.from(transactionText({ instructions }), 'base64'));
  expect(maximumFeeOf(transaction ?? expect.fail('a transaction'))).toBe(lamports);
});
