import { createBoundedCache } from './bounded-cache.js';
import { keccak } from './keccak.js';

const shape = /^0x[0-9a-fA-F]{40}$/;

/** Checksums cost a hash each, and the same few tokens, merchants and payers come again and again. */
const known = createBoundedCache<string>(4096);

export const zeroAddress = `0x${'0'.repeat(40)}`;

/**
 * Reads an address in any accepted spelling and gives it with its EIP-55 checksum. All lowercase and all uppercase digits carry
 * no checksum and are accepted; mixed case must be the right checksum. Everything else (`0X`, ICAP, ENS names, missing prefix,
 * other lengths) is undefined.
 */
export function parseEvmAddress(text: string): string | undefined {
  if (!shape.test(text)) return undefined;
  const digits = text.slice(2);
  const lowercase = digits.toLowerCase();
  const checksummed = withChecksum(lowercase);
  if (text === checksummed || digits === lowercase || digits === digits.toUpperCase()) return checksummed;
  return undefined;
}

/** The EIP-55 form of 40 lowercase hex digits. */
function withChecksum(digits: string): string {
  const cached = known.get(digits);
  if (cached !== undefined) return cached;
  const hash = keccak(Buffer.from(digits, 'ascii')).toString('hex');
  const letters = Array.from(digits, (digit, index) => ((hash[index] ?? '0') >= '8' ? digit.toUpperCase() : digit));
  const checksummed = `0x${letters.join('')}`;
  known.set(digits, checksummed);
  return checksummed;
}

/** The address of 20 raw bytes. */
export function addressOfBytes(bytes: Uint8Array): string {
  return withChecksum(Buffer.from(bytes).toString('hex'));
}
