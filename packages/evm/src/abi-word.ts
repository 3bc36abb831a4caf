/** An address as one 32-byte ABI word, in lowercase hex without prefix. */
export function addressWord(address: string): string {
  return address.slice(2).toLowerCase().padStart(64, '0');
}

/** An unsigned integer below 2^256 as one 32-byte ABI word, in lowercase hex without prefix. */
export function uintWord(value: bigint): string {
  return value.toString(16).padStart(64, '0');
}
