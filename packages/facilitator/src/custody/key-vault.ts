import type { Database, Sql } from '@tollkeeper/database';
import { Fault, isFault, type Network } from '@tollkeeper/protocol';
import type { Secret } from '../config/secret.js';
import { createKeySealing, type KeySealing, type SealedKeyName } from './key-sealing.js';

/** The encryption keys that a process knows. While they are rotated, everybody knows the old one and the new one. */
export interface EncryptionKeys {
  readonly current: Secret;
  readonly previous?: Secret | undefined;
  readonly next?: Secret | undefined;
}

/** Seals deposit keys under the encryption key in use, and opens what was sealed under any that this process knows. */
export interface KeyVault {
  /** The version of the key in use, as of the last `load`. It is stored beside each ciphertext. */
  readonly version: number;
  /**
   * Asks the database which encryption key is in use; needed before the first `seal`, and again when the database refuses a
   * deposit key because another one is in use by now.
   * @throws Fault `WALLET_KEY_UNREADABLE` when that key is not among ours: what we sealed, nobody could open.
   */
  load(): Promise<void>;
  seal(name: SealedKeyName, secret: Uint8Array): Uint8Array;
  /** @throws Fault `WALLET_KEY_UNREADABLE` when none of our keys opens it under this name. */
  open(name: SealedKeyName, sealed: Uint8Array): Uint8Array;
}

export function createKeyVault(parts: { readonly database: Database; readonly keys: EncryptionKeys }): KeyVault {
  const { current, previous, next } = parts.keys;
  const sealings = [current, previous, next].filter((key) => key !== undefined).map(createKeySealing);
  const { sql } = parts.database;
  let inUse: { readonly version: number; readonly sealing: KeySealing } | undefined;

  return {
    get version() {
      return loaded().version;
    },
    async load() {
      const registered = (await readKeyInUse(sql)) ?? (await register());
      const sealing = sealings.find(({ checkValue }) => Buffer.compare(checkValue, registered.checkValue) === 0);
      if (sealing === undefined) throw new Fault('WALLET_KEY_UNREADABLE', { keyVersion: registered.version });
      inUse = { version: registered.version, sealing };
    },
    seal: (name, secret) => loaded().sealing.seal(name, secret),
    open: (name, sealed) => openWithAny(name, sealed),
  };

  function loaded() {
    if (inUse === undefined) throw new TypeError('The vault was not loaded');
    return inUse;
  }

  function openWithAny(name: SealedKeyName, sealed: Uint8Array): Uint8Array {
    for (const sealing of sealings) {
      try {
        return sealing.open(name, sealed);
      } catch (error) {
        // The tag tells which key a text was sealed under.
        if (!isFault(error, 'WALLET_KEY_UNREADABLE')) throw error;
      }
    }
    throw new Fault('WALLET_KEY_UNREADABLE', { walletId: name.walletId, network: name.network });
  }

  /** The first key of a database is the one that opens what is sealed there already, or the one that we are given. */
  async function register(): Promise<RegisteredKey> {
    const [sealed] = await sql<SealedRow>`
      SELECT wallet_id AS "walletId", network, encrypted_key AS "encryptedKey", key_version AS version
      FROM deposit_address ORDER BY key_version DESC, network, address LIMIT 1`;
    const first = sealed === undefined ? sealings[0] : sealings.find((sealing) => opens(sealing, sealed));
    if (first === undefined)
      throw new Fault('WALLET_KEY_UNREADABLE', { walletId: sealed?.walletId, network: sealed?.network });
    await sql`
      INSERT INTO encryption_key (version, check_value) VALUES (${sealed?.version ?? 1}, ${first.checkValue})
      ON CONFLICT DO NOTHING`;
    return (await readKeyInUse(sql)) ?? register();
  }
}

interface RegisteredKey {
  readonly version: number;
  readonly checkValue: Uint8Array;
}

interface SealedRow extends SealedKeyName {
  readonly network: Network;
  readonly encryptedKey: Uint8Array;
  readonly version: number;
}

async function readKeyInUse(sql: Sql): Promise<RegisteredKey | undefined> {
  const [row] = await sql<RegisteredKey>`
    SELECT version, check_value AS "checkValue" FROM encryption_key WHERE retired_at IS NULL`;
  return row;
}

function opens(sealing: KeySealing, { walletId, network, encryptedKey }: SealedRow): boolean {
  try {
    sealing.open({ walletId, network }, encryptedKey).fill(0);
    return true;
  } catch (error) {
    if (isFault(error, 'WALLET_KEY_UNREADABLE')) return false;
    throw error;
  }
}
