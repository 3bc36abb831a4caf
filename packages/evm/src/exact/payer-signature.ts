import type { RecoverableSignature } from '../curve/curve.js';

/** What a payer's signature bytes are, before anything is said about who made them. */
export type PayerSignature =
  /** r, s and v in 65 bytes, the only form that the reference and the tokens' `v, r, s` methods take. */
  | { readonly form: 'plain'; readonly parts: RecoverableSignature; readonly v: number }
  /** r and s with the parity in the top bit, 64 bytes (EIP-2098). */
  | { readonly form: 'compact'; readonly parts: RecoverableSignature }
  /** A signature of a wallet that is yet to be deployed by the factory it names (ERC-6492). */
  | { readonly form: 'counterfactual' }
  /** Anything else, a smart wallet's own format among it. */
  | { readonly form: 'other' };

const counterfactualSuffix = '6492'.repeat(16);

/** Reads `0x` hex of any length. */
export function readPayerSignature(hex: string): PayerSignature {
  const digits = hex.slice(2).toLowerCase();
  if (isCounterfactual(digits)) return { form: 'counterfactual' };
  const bytes = new Uint8Array(Buffer.from(digits, 'hex'));
  if (bytes.length === 64) return readCompact(bytes);
  const v = bytes[64];
  if (bytes.length !== 65 || v === undefined) return { form: 'other' };
  const recovery = recoveryOf(v);
  if (recovery === undefined) return { form: 'other' };
  return { form: 'plain', parts: { rs: bytes.subarray(0, 64), recovery }, v };
}

/** Wallets write 27 and 28; some signers write the bare parity. */
function recoveryOf(v: number): 0 | 1 | undefined {
  if (v === 27 || v === 0) return 0;
  return v === 28 || v === 1 ? 1 : undefined;
}

function readCompact(bytes: Uint8Array): PayerSignature {
  const rs = Uint8Array.from(bytes);
  const top = rs[32] ?? 0;
  rs[32] = top & 0x7f;
  return { form: 'compact', parts: { rs, recovery: top >= 0x80 ? 1 : 0 } };
}

/** The wrapper names a factory in its first word; without one there is nothing to deploy and the reference ignores it. */
function isCounterfactual(digits: string): boolean {
  return digits.endsWith(counterfactualSuffix) && /[^0]/.test(digits.slice(0, 64));
}
