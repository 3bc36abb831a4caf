import { z } from 'zod';
import type { Brand } from './brand.js';

/** Minor units of one asset: 1 USDC is 1_000_000n. Never negative, never more than 78 decimal digits (a uint256 fits). */
export type Amount = Brand<bigint, 'Amount'>;

const pattern = /^(0|[1-9][0-9]{0,77})$/;
const limit = 10n ** 78n;

/**
 * The one constructor of an {@link Amount}.
 * @throws RangeError when `value` is negative or has more than 78 digits.
 */
export function amount(value: bigint): Amount {
  if (value < 0n || value >= limit) throw new RangeError('An amount has 1 to 78 decimal digits and no sign');
  return value as Amount;
}

/** Reads canonical decimal minor units; anything else (sign, padding, hex, exponent, leading zero) is undefined. */
export function parseAmount(text: string): Amount | undefined {
  return pattern.test(text) ? amount(BigInt(text)) : undefined;
}

/** The wire form of an amount: a canonical decimal string of minor units, never a JSON number. */
export const AmountText = z
  .string()
  .regex(pattern, 'must be a decimal string of minor units without sign, padding or exponent')
  .transform((text) => amount(BigInt(text)));
