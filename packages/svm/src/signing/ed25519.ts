import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { encodeBase58 } from '../address/base58.js';
import { createBoundedCache } from '../bounded-cache.js';

/** The fixed heads of the DER documents that hold a raw Ed25519 key (RFC 8410). */
const publicKeyHead = Buffer.from('302a300506032b6570032100', 'hex');
const privateKeyHead = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Importing a key costs about as much as a quarter of a verification, and a payer pays more than once. */
const publicKeys = createBoundedCache<KeyObject>(4096);

/**
 * Encodings of the points of small order, without the sign bit, last byte first: 1, 0, the two of order eight, -1, and the
 * non-canonical spellings of 0 and 1. A signature under such a key proves nothing: anyone can make one.
 */
const smallOrderPoints: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/**
 * Whether a signature holds as a validator judges it. OpenSSL does the arithmetic; like the validators' `verify_strict`, we
 * also refuse keys and nonces of small order, which OpenSSL lets pass. Never throws.
 */
export function isSignatureValid(claim: {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
}): boolean {
  const { publicKey, signature, message } = claim;
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  if (hasSmallOrder(publicKey) || hasSmallOrder(signature.subarray(0, 32))) return false;
  try {
    return verify(null, message, importPublicKey(publicKey), signature);
  } catch {
    // OpenSSL may refuse bytes that are no point on the curve; nobody can have signed with those.
    return false;
  }
}

/** A private key that signs without ever showing itself. */
export interface Ed25519Signer {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** Makes a signer of the 32 seed bytes of a key. */
export function signerOfSeed(seed: Uint8Array): Ed25519Signer {
  const privateKey = createPrivateKey({ key: Buffer.concat([privateKeyHead, seed]), format: 'der', type: 'pkcs8' });
  const document = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    publicKey: Uint8Array.from(document.subarray(publicKeyHead.length)),
    sign: (message) => Uint8Array.from(sign(null, message, privateKey)),
  };
}

function hasSmallOrder(point: Uint8Array): boolean {
  const withoutSign = Buffer.from(point);
  withoutSign[31] = (withoutSign[31] ?? 0) & 0x7f;
  return smallOrderPoints.has(withoutSign.toString('hex'));
}

function importPublicKey(publicKey: Uint8Array): KeyObject {
  const name = encodeBase58(publicKey);
  const known = publicKeys.get(name);
  if (known !== undefined) return known;
  const imported = createPublicKey({ key: Buffer.concat([publicKeyHead, publicKey]), format: 'der', type: 'spki' });
  publicKeys.set(name, imported);
  return imported;
}
