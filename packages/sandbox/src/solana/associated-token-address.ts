import { createHash } from 'node:crypto';
import { addressBytes, encodeBase58 } from './base58.js';

export const associatedTokenProgram = 'ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL';

const derived = new Map<string, string>();

/** The token account that the associated token program gives an owner for a mint of one token program. */
export function associatedTokenAddress(parts: { owner: string; mint: string; program: string }): string {
  const { owner, mint, program } = parts;
  const key = `${owner}:${mint}:${program}`;
  const known = derived.get(key);
  if (known !== undefined) return known;
  const address = programAddress(
    [addressBytes(owner), addressBytes(program), addressBytes(mint)],
    associatedTokenProgram,
  );
  derived.set(key, address);
  return address;
}

/** The first address of these seeds that no private key can sign for. */
function programAddress(seeds: readonly Uint8Array[], program: string): string {
  for (let bump = 255; bump >= 0; bump -= 1) {
    const hash = createHash('sha256');
    for (const seed of seeds) hash.update(seed);
    const digest = hash
      .update(Uint8Array.of(bump))
      .update(addressBytes(program))
      .update('ProgramDerivedAddress')
      .digest();
    if (!isCurvePoint(digest)) return encodeBase58(digest);
  }
  throw new Error('No program address exists for these seeds');
}

const p = 2n ** 255n - 19n;
const d = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** Whether 32 bytes decompress to a point of ed25519: x^2 = (y^2 - 1) / (d y^2 + 1) must have a root (RFC 8032, 5.1.3). */
function isCurvePoint(bytes: Uint8Array): boolean {
  const littleEndian = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const y = (littleEndian & (2n ** 255n - 1n)) % p;
  const numerator = (y * y - 1n + p) % p;
  const denominator = (d * y * y + 1n) % p;
  // Euler's criterion on numerator * denominator decides the same as on their quotient.
  const product = (numerator * denominator) % p;
  return product === 0n || power(product, (p - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let factor = base, rest = exponent; rest > 0n; rest >>= 1n, factor = (factor * factor) % p) {
    if ((rest & 1n) === 1n) result = (result * factor) % p;
  }
  return result;
}
