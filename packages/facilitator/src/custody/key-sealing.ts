import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { Fault, type Network } from '@tollkeeper/protocol';
import type { Secret } from '../config/secret.js';

/** Which key is sealed: the ciphertext opens only under the same name, so that rows cannot be swapped. */
export interface SealedKeyName {
  readonly walletId: string;
  readonly network: Network;
}

/** Encrypts deposit keys at rest by AES-256-GCM, under one encryption key. */
export interface KeySealing {
  /** Proves that an encryption key is the one, and tells nothing else of it. */
  readonly checkValue: Uint8Array;
  seal(name: SealedKeyName, secret: Uint8Array): Uint8Array;
  /** @throws Fault `WALLET_KEY_UNREADABLE` when key, name or ciphertext do not belong together. */
  open(name: SealedKeyName, sealed: Uint8Array): Uint8Array;
}

const nonceBytes = 12;
const tagBytes = 16;

/** @param encryptionKey 64 hex characters. */
export function createKeySealing(encryptionKey: Secret): KeySealing {
  const key = Buffer.from(encryptionKey.reveal(), 'hex');
  return {
    checkValue: createHmac('sha256', key).update('tollkeeper wallet encryption key').digest(),
    seal(name, secret) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associatedData(name));
      return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    },
    open(name, sealed) {
      const bytes = Buffer.from(sealed);
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes))
          .setAAD(associatedData(name))
          .setAuthTag(bytes.subarray(bytes.length - tagBytes));
        return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, bytes.length - tagBytes)), decipher.final()]);
      } catch (cause) {
        throw new Fault('WALLET_KEY_UNREADABLE', { walletId: name.walletId, network: name.network }, { cause });
      }
    },
  };
}

function associatedData(name: SealedKeyName): Buffer {
  return Buffer.from(`${name.walletId}\n${name.network}`);
}
