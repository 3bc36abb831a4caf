import { z } from 'zod';

// What nodes write as strings, read.

/** `0x` and an integer in hex, of any length up to 32 bytes. */
export const Quantity = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/)
  .transform((text) => BigInt(text));

/** `0x` and bytes in hex. */
export const Hex = z.string().regex(/^0x([0-9a-fA-F]{2})*$/);

/** `0x` and 32 bytes in hex; in lowercase whoever wrote it. */
export const Hash = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/)
  .transform((text) => text.toLowerCase());
