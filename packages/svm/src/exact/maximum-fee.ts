import type { ParsedTransaction } from '../transaction/parse-transaction.js';
import { readComputeUnitLimit, readComputeUnitPrice } from './compute-budget.js';

const lamportsPerSignature = 5_000n;
const microLamportsPerLamport = 1_000_000n;

/**
 * The lamports that the chain charges for a transaction, whether it succeeds or not: a price for each signature, and the priority
 * fee that its first two instructions name, rounded up. Programs that verify signatures of their own, which cost more, are not
 * among those that a payment may call.
 */
export function maximumFeeOf({ requiredSignatures, instructions }: ParsedTransaction): bigint {
  const units = BigInt(readComputeUnitLimit(instructions[0]) ?? 0);
  const priority = units * (readComputeUnitPrice(instructions[1]) ?? 0n);
  const rounded = (priority + microLamportsPerLamport - 1n) / microLamportsPerLamport;
  return BigInt(requiredSignatures) * lamportsPerSignature + rounded;
}
