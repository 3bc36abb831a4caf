import { randomBytes, timingSafeEqual } from 'node:crypto';
import { decodeBase58, encodeBase58 } from '../address/base58.js';
import { signerOfSeed, type Ed25519Signer } from './ed25519.js';

/** A signer of ours, known to others by its address. */
export interface SvmSigner extends Ed25519Signer {
  readonly address: string;
}

/**
 * Reads a secret key as wallets export it: base58 of 64 bytes, the seed and then the public key that belongs to it.
 * Undefined for anything else. The text is never repeated, in no error either.
 */
export function readSvmSigner(text: string): SvmSigner | undefined {
  const secret = decodeBase58(text);
  if (secret?.length !== 64) return undefined;
  const signer = signerOfSeed(secret.subarray(0, 32));
  if (!timingSafeEqual(signer.publicKey, secret.subarray(32))) return undefined;
  return { ...signer, address: encodeBase58(signer.publicKey) };
}

/** A fee payer of ours whose key another process has: it is known here, and signs nothing. Undefined for what is no address. */
export function absentSvmSigner(address: string): SvmSigner | undefined {
  const publicKey = decodeBase58(address);
  if (publicKey?.length !== 32) return undefined;
  const sign = () => {
    throw new TypeError(`The key of ${address} is not in this process`);
  };
  return { address, publicKey, sign };
}

/** Whether `text` is a secret key that {@link readSvmSigner} takes, and whose; for checking a configuration. */
export function parseSvmSecretKey(text: string): { readonly address: string } | undefined {
  const signer = readSvmSigner(text);
  return signer === undefined ? undefined : { address: signer.address };
}

/** The address that a deposit key as {@link generateDepositKey} makes it signs for; undefined for other bytes. */
export function svmAddressOf(secret: Uint8Array): string | undefined {
  return readSvmSigner(encodeBase58(secret))?.address;
}

/**
 * Makes the key of a new deposit address. `secret` is the 64 bytes that Solana wallets import: seed, then public key.
 * The caller encrypts and keeps it; nothing else does.
 */
export function generateDepositKey(): { address: string; secret: Uint8Array } {
  const seed = randomBytes(32);
  const { publicKey } = signerOfSeed(seed);
  return { address: encodeBase58(publicKey), secret: Uint8Array.from([...seed, ...publicKey]) };
}
