import { amount } from '@tollkeeper/protocol';
import { z } from 'zod';
import { parseEvmAddress } from '../address.js';

/** The `payload` of an `exact` payment by EIP-3009 (scheme_exact_evm.md, section 1), read strictly. */
export type TransferPayload = z.output<typeof TransferPayload>;

/** An EIP-3009 authorization in canonical form. */
export type TransferAuthorization = TransferPayload['authorization'];

const uint256Limit = 1n << 256n;

/** Decimal digits only, so that one number has one spelling; JSON numbers would lose digits. */
const Uint256 = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,77})$/, 'must be a decimal string without sign, padding or exponent')
  .transform((text) => BigInt(text))
  .refine((value) => value < uint256Limit, 'must be below 2^256');

const Address = z.string().transform((text, context) => {
  const address = parseEvmAddress(text);
  if (address !== undefined) return address;
  context.addIssue({
    code: 'custom',
    message: 'must be 0x and 40 hex digits, with a right checksum if the case is mixed',
  });
  return z.NEVER;
});

export const TransferPayload = z.object({
  /** Any even number of hex digits: which of them are signatures is decided by a check of its own. */
  signature: z
    .string()
    .max(32_768)
    .regex(/^0x([0-9a-fA-F]{2})*$/, 'must be hex with 0x'),
  authorization: z.object({
    from: Address,
    to: Address,
    value: Uint256.transform((value) => amount(value)),
    validAfter: Uint256,
    validBefore: Uint256,
    nonce: z
      .string()
      .regex(/^0x[0-9a-fA-F]{64}$/, 'must be 32 bytes in hex with 0x')
      .transform((text) => text.toLowerCase()),
  }),
});

/** The payer that a payload names, as far as one can be read from it. */
export function namedPayer(payload: Readonly<Record<string, unknown>>): string | undefined {
  const authorization = payload['authorization'] ?? payload['permit2Authorization'];
  if (typeof authorization !== 'object' || authorization === null || !('from' in authorization)) return undefined;
  return typeof authorization.from === 'string' ? parseEvmAddress(authorization.from) : undefined;
}
