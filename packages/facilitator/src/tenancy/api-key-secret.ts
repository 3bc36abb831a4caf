import { createHash, randomBytes } from 'node:crypto';
import type { Environment } from '../config/config.js';

/** Longer than every key of ours; what is longer is not even hashed. */
const longestKey = 128;
const secretBytes = 32;
const visibleCharacters = 6;

/** A key on its way to its owner, who alone sees it, and what is kept of it. */
export interface MintedKey {
  readonly secret: string;
  readonly prefix: string;
  readonly hash: Uint8Array;
}

/** Makes a key of 256 random bits. Its prefix says what it is for, so that a leaked one is recognised wherever it turns up. */
export function mintApiKey(environment: Environment): MintedKey {
  const kind = environment === 'production' ? 'sk_live_' : 'sk_test_';
  const secret = `${kind}${randomBytes(secretBytes).toString('base64url')}`;
  return { secret, prefix: secret.slice(0, kind.length + visibleCharacters), hash: hashOf(secret) };
}

/**
 * The hash by which a presented key is looked up. One round of SHA-256 is enough for 256 random bits: a slow hash protects
 * what people choose. Every text gets a hash, so that malformed, unknown and known keys cost the same look-up.
 */
export function hashOfApiKey(presented: string): Uint8Array {
  return hashOf(presented.length > longestKey ? '' : presented);
}

function hashOf(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}
