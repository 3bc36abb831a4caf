/** Base58 in the Bitcoin alphabet, as Solana writes addresses, signatures and blockhashes. */
const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

const digitOf: readonly number[] = (() => {
  const table = new Array<number>(128).fill(-1);
  for (let digit = 0; digit < alphabet.length; digit += 1) table[alphabet.charCodeAt(digit)] = digit;
  return table;
})();

/** Five digits at a time keep every product below 2^53 and make the loop five times shorter. */
const digitsPerLimb = 5;
const limbBase = 58 ** digitsPerLimb;

/** Writes bytes in base58. */
export function encodeBase58(bytes: Uint8Array): string {
  let zeros = 0;
  while (zeros < bytes.length && bytes[zeros] === 0) zeros += 1;
  const limbs: number[] = [];
  for (let at = zeros; at < bytes.length; at += 1) {
    let carry = bytes[at] ?? 0;
    for (let limb = 0; limb < limbs.length; limb += 1) {
      carry += (limbs[limb] ?? 0) * 256;
      limbs[limb] = carry % limbBase;
      carry = Math.floor(carry / limbBase);
    }
    if (carry > 0) limbs.push(carry);
  }
  return '1'.repeat(zeros) + limbsToText(limbs);
}

function limbsToText(limbs: readonly number[]): string {
  let text = '';
  for (let limb = 0; limb < limbs.length; limb += 1) {
    let rest = limbs[limb] ?? 0;
    const isTop = limb === limbs.length - 1;
    for (let digit = 0; digit < digitsPerLimb && (!isTop || rest > 0); digit += 1) {
      text = alphabet.charAt(rest % 58) + text;
      rest = Math.floor(rest / 58);
    }
  }
  return text;
}

/** Reads base58; undefined when a character is not of the alphabet. */
export function decodeBase58(text: string): Uint8Array | undefined {
  let zeros = 0;
  while (zeros < text.length && text[zeros] === '1') zeros += 1;
  const limbs: number[] = [];
  for (let at = zeros; at < text.length; at += 1) {
    let carry = digitOf[text.charCodeAt(at)] ?? -1;
    if (carry < 0) return undefined;
    for (let limb = 0; limb < limbs.length; limb += 1) {
      carry += (limbs[limb] ?? 0) * 58;
      limbs[limb] = carry & 0xffffff;
      carry = Math.floor(carry / 0x1000000);
    }
    if (carry > 0) limbs.push(carry);
  }
  const body = limbs.flatMap((limb) => [limb & 0xff, (limb >>> 8) & 0xff, (limb >>> 16) & 0xff]);
  while (body.length > 0 && body[body.length - 1] === 0) body.pop();
  const bytes = new Uint8Array(zeros + body.length);
  bytes.set(body.reverse(), zeros);
  return bytes;
}

/** Reads base58 that must stand for exactly `length` bytes; undefined when it does not. */
export function decodeBase58Exact(text: string, length: number): Uint8Array | undefined {
  // No more than 1.4 digits stand for a byte: longer text need not be decoded, and decoding time is quadratic.
  if (text.length > Math.ceil(length * 1.4)) return undefined;
  const bytes = decodeBase58(text);
  return bytes?.length === length ? bytes : undefined;
}

/** The 32 bytes of an address this package itself wrote or already checked. */
export function addressBytes(address: string): Uint8Array {
  const bytes = decodeBase58Exact(address, 32);
  if (bytes === undefined) throw new TypeError('A Solana address must be 32 bytes in base58');
  return bytes;
}
