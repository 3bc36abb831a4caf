const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Writes bytes in the alphabet of Solana addresses and keys; each leading zero byte becomes one `1`. */
export function encodeBase58(bytes: Uint8Array): string {
  const leadingZeros = bytes.findIndex((byte) => byte !== 0);
  const zeros = leadingZeros === -1 ? bytes.length : leadingZeros;
  let rest = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let digits = '';
  for (; rest > 0n; rest /= 58n) digits = ALPHABET.charAt(Number(rest % 58n)) + digits;
  return '1'.repeat(zeros) + digits;
}
