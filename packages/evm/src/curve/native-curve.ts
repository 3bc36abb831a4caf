import { createRequire } from 'node:module';
import { addressOfBytes } from '../address.js';
import { keccak } from '../keccak.js';
import type { Curve } from './curve.js';

/**
 * The curve in C. The package's own entry falls back to slow JavaScript without a word, so its bindings are loaded by name.
 * @throws Error when no binary fits this platform.
 */
export function loadNativeCurve(): Curve {
  const load = createRequire(import.meta.url);
  const bindings = load('secp256k1/bindings') as typeof import('secp256k1');
  return {
    recover(digest, { rs, recovery }) {
      try {
        return addressOfPublicKey(bindings.ecdsaRecover(rs, recovery, digest, false));
      } catch {
        // The bindings throw for an r or s that no key can produce; that is an answer, not a failure.
        return undefined;
      }
    },
    sign(digest, privateKey) {
      const { signature, recid } = bindings.ecdsaSign(digest, privateKey);
      return { rs: signature, recovery: recid === 1 ? 1 : 0 };
    },
  };
}

/** The last 20 bytes of the hash of the uncompressed key without its leading format byte. */
function addressOfPublicKey(publicKey: Uint8Array): string {
  return addressOfBytes(keccak(publicKey.subarray(1)).subarray(12));
}
