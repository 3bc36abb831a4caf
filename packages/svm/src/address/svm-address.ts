import { decodeBase58 } from './base58.js';

const addressLength = 32;

/**
 * Reads a Solana address: base58 of exactly 32 bytes. Base58 has one spelling per byte string, so what is accepted is
 * canonical as it stands. The address need not be a point on the curve: programs own addresses that are not.
 */
export function parseSvmAddress(text: string): string | undefined {
  return decodeBase58(text)?.length === addressLength ? text : undefined;
}

/**
 * The 32 bytes of an address that was parsed before.
 * @throws RangeError for anything that {@link parseSvmAddress} refuses.
 */
export function svmAddressBytes(address: string): Uint8Array {
  const bytes = decodeBase58(address);
  if (bytes?.length !== addressLength) throw new RangeError('A Solana address is base58 of exactly 32 bytes');
  return bytes;
}
