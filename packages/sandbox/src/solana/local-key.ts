import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { encodeBase58 } from './base58.js';

/** An ed25519 key of the sandbox itself; worthless anywhere else, since it follows from its name. */
export interface LocalKey {
  readonly address: string;
  /** Seed and public key, the 64 bytes that Solana tools call a secret key. */
  readonly secretKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

export function localKey(name: string): LocalKey {
  const seed = createHash('sha256').update(`tollkeeper sandbox ${name}`).digest();
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  return {
    address: encodeBase58(publicKey),
    secretKey: new Uint8Array(Buffer.concat([seed, publicKey])),
    sign: (message) => sign(null, message, key),
  };
}
