const groupOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

interface Parts {
  readonly r: string;
  readonly s: bigint;
  readonly parity: 0 | 1;
}

/** Takes a 65-byte signature with a low s and v of 27 or 28 apart. */
function partsOf(signature: string): Parts {
  return {
    r: signature.slice(2, 66),
    s: BigInt(`0x${signature.slice(66, 130)}`),
    parity: signature.endsWith('1c') ? 1 : 0,
  };
}

const word = (value: bigint) => value.toString(16).padStart(64, '0');

/** The same consent in 64 bytes (EIP-2098). */
export function compactSignature(signature: string): string {
  const { r, s, parity } = partsOf(signature);
  return `0x${r}${word(s | (BigInt(parity) << 255n))}`;
}

/** The same consent with the other s, which ECDSA takes and USDC does not. */
export function malleatedSignature(signature: string): string {
  const { r, s, parity } = partsOf(signature);
  return `0x${r}${word(groupOrder - s)}${parity === 1 ? '1b' : '1c'}`;
}

/** The same consent with v of 0 or 1. */
export function bareParitySignature(signature: string): string {
  const { r, s, parity } = partsOf(signature);
  return `0x${r}${word(s)}0${parity}`;
}

/** A 6492-wrapped signature that names a factory to deploy the payer with. */
export function counterfactualSignature(signature: string, factory: string): string {
  const inner = signature.slice(2);
  const bytes = (hex: string) => word(BigInt(hex.length / 2)) + hex.padEnd(Math.ceil(hex.length / 64) * 64, '0');
  const calldata = bytes('12345678');
  const heads = factory.slice(2).toLowerCase().padStart(64, '0') + word(96n) + word(96n + BigInt(calldata.length / 2));
  return `0x${heads}${calldata}${bytes(inner)}${'6492'.repeat(16)}`;
}
