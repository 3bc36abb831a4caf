import { addressOfBytes } from '../address.js';
import type { RecoverableSignature } from './curve.js';

/** A signature and the 32 bytes that were signed. */
export interface SignedDigest {
  readonly digest: Uint8Array;
  readonly signature: RecoverableSignature;
}

const digestLength = 32;
const rsLength = 64;
const requestLength = digestLength + rsLength + 1;
const addressLength = 20;
const answerLength = 1 + addressLength;

/** Many signatures in one run of bytes, because a thread is handed bytes much faster than objects. */
export function packSignatures(signed: readonly SignedDigest[]): Uint8Array {
  const packed = new Uint8Array(signed.length * requestLength);
  for (const [index, { digest, signature }] of signed.entries()) {
    const start = index * requestLength;
    packed.set(digest, start);
    packed.set(signature.rs, start + digestLength);
    packed[start + digestLength + rsLength] = signature.recovery;
  }
  return packed;
}

/** The other way round of {@link packSignatures}. */
export function unpackSignatures(packed: Uint8Array): SignedDigest[] {
  return partsOf(packed, requestLength).map((part) => ({
    digest: part.subarray(0, digestLength),
    signature: {
      rs: part.subarray(digestLength, digestLength + rsLength),
      recovery: part[digestLength + rsLength] === 1 ? 1 : 0,
    },
  }));
}

/** Who signed, in the order of the signatures; undefined where nobody can have. */
export function packSigners(signers: readonly (string | undefined)[]): Uint8Array {
  const packed = new Uint8Array(signers.length * answerLength);
  for (const [index, signer] of signers.entries()) {
    if (signer === undefined) continue;
    const start = index * answerLength;
    packed[start] = 1;
    packed.set(Buffer.from(signer.slice(2), 'hex'), start + 1);
  }
  return packed;
}

/** The other way round of {@link packSigners}. */
export function unpackSigners(packed: Uint8Array): (string | undefined)[] {
  return partsOf(packed, answerLength).map((part) => (part[0] === 1 ? addressOfBytes(part.subarray(1)) : undefined));
}

function partsOf(packed: Uint8Array, length: number): Uint8Array[] {
  return Array.from({ length: packed.length / length }, (_, index) =>
    packed.subarray(index * length, (index + 1) * length),
  );
}
