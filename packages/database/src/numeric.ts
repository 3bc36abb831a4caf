import type { Decimal } from '@prisma/client/runtime/client';

/**
 * Reads a `numeric` column that Prisma returned. Its `toString()` turns to exponents from 1e21 on and its arithmetic
 * rounds, so the digits are taken with `toFixed`. Throws a RangeError for a value with a fraction.
 */
export function bigintFromDecimal(decimal: Decimal): bigint {
  if (!decimal.isInteger()) throw new RangeError('This numeric value is not a whole number');
  return BigInt(decimal.toFixed(0));
}

/** Writes a `numeric` column through Prisma, which takes the digits as text without rounding them. */
export function decimalFromBigint(value: bigint): string {
  return value.toString();
}
