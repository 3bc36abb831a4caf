import type { Database, Sql } from '@tollkeeper/database';
import { Fault, networkFamily, type Network, type NetworkFamily } from '@tollkeeper/protocol';
import { appendAudit } from '../audit/audit.js';
import { createKeySealing, type KeySealing, type SealedKeyName } from './key-sealing.js';
import { createKeyVault, type EncryptionKeys, type KeyVault } from './key-vault.js';

/** Deposit keys that are sealed anew in one transaction. */
const keysInBatch = 100;

/** What a rotation did. */
export interface RotationResult {
  /** The version of the encryption key that everything is sealed under now. */
  readonly version: number;
  /** How many deposit keys this run sealed anew; an interrupted run has done others before. */
  readonly resealed: number;
  /** How many deposit keys there are. Each of them opens under the next key alone, and belongs to its address. */
  readonly verified: number;
}

export type KeyRotation = ReturnType<typeof createKeyRotation>;

/** The address that the secret of a deposit key signs for; undefined where it is no key. */
export type AddressOfKey = Readonly<Record<NetworkFamily, (secret: Uint8Array) => string | undefined>>;

type OpenKey = (key: SealedKey) => Uint8Array;

interface SealedKey extends SealedKeyName {
  readonly address: string;
  readonly encryptedKey: Uint8Array;
  readonly keyVersion: number;
}

/**
 * Seals all deposit keys under the next encryption key while the service runs. Nothing is changed before every key was opened
 * and found to belong to its address, and a row changes in one statement, so that it can be killed anywhere and started again.
 */
export function createKeyRotation(parts: {
  readonly database: Database;
  readonly keys: EncryptionKeys;
  readonly addressOfKey: AddressOfKey;
}) {
  const { database, keys } = parts;
  const vault = createKeyVault({ database, keys });
  return { rotate, verify };

  /**
   * @throws Fault `ENCRYPTION_ROTATION_REFUSED` when there is no usable next key, and `WALLET_KEY_UNREADABLE` for the first
   * deposit key that does not open or does not belong to its address.
   */
  async function rotate(): Promise<RotationResult> {
    const next = nextSealing(keys);
    await vault.load();
    await verifyAll(opening(vault));
    const version = await begin(database, { vault, next });
    const resealed = await resealAll({ version, next });
    return { version, resealed, verified: await verifyAll(opening(next)) };
  }

  /** Opens every deposit key with what this process knows. Answers how many there are. */
  function verify(): Promise<number> {
    return verifyAll(opening(vault));
  }

  async function verifyAll(open: OpenKey): Promise<number> {
    let count = 0;
    let after: Place | undefined = start;
    while (after !== undefined) {
      const page: readonly SealedKey[] = await readPage(database.sql, after);
      for (const key of page) open(key).fill(0);
      count += page.length;
      after = page.at(-1);
    }
    return count;
  }

  /** Opens a key and makes sure that it belongs to its address. */
  function opening(opener: Pick<KeyVault, 'open'>): OpenKey {
    return (key) => {
      const secret = opener.open(key, key.encryptedKey);
      if (parts.addressOfKey[networkFamily(key.network)](secret) === key.address) return secret;
      secret.fill(0);
      const detail = 'What it opens to is not the key of its address';
      throw new Fault('WALLET_KEY_UNREADABLE', { walletId: key.walletId, network: key.network, detail });
    };
  }

  async function resealAll(to: { readonly version: number; readonly next: KeySealing }): Promise<number> {
    let count = 0;
    let after: Place | undefined = start;
    while (after !== undefined) {
      const from: Place = after;
      const page = await database.transaction((sql) =>
        resealPage(sql, from, { ...to, openOld: opening(vault), openNew: opening(to.next) }),
      );
      count += page.length;
      after = page.at(-1);
    }
    return count;
  }
}

/** Seals the next keys anew, each in the row that holds it. */
async function resealPage(
  sql: Sql,
  after: Place,
  to: { readonly version: number; readonly next: KeySealing; readonly openOld: OpenKey; readonly openNew: OpenKey },
): Promise<readonly SealedKey[]> {
  const page = await lockPage(sql, { after, version: to.version });
  const sealed = page.map((key) => {
    const secret = to.openOld(key);
    const encryptedKey = to.next.seal(key, secret);
    secret.fill(0);
    to.openNew({ ...key, encryptedKey }).fill(0);
    return encryptedKey;
  });
  await sql`
    UPDATE deposit_address SET encrypted_key = resealed.encrypted_key, key_version = ${to.version}
    FROM unnest(
      ${page.map(({ network }) => network)}::text[], ${page.map(({ address }) => address)}::text[], ${sealed}::bytea[]
    ) AS resealed (network, address, encrypted_key)
    WHERE deposit_address.network = resealed.network AND deposit_address.address = resealed.address`;
  return page;
}

function nextSealing({ current, next }: EncryptionKeys): KeySealing {
  if (next === undefined) {
    const detail = 'Set WALLET_ENCRYPTION_KEY_NEXT, here and for every process of the service';
    throw new Fault('ENCRYPTION_ROTATION_REFUSED', { detail });
  }
  if (next.reveal().toLowerCase() === current.reveal().toLowerCase()) {
    throw new Fault('ENCRYPTION_ROTATION_REFUSED', { detail: 'It is the key of now' });
  }
  return createKeySealing(next);
}

/** From its commit on the database takes no deposit key that is sealed under another one. Answers the next key's version. */
function begin(
  database: Database,
  { vault, next }: { readonly vault: KeyVault; readonly next: KeySealing },
): Promise<number> {
  return database.transaction(async (sql) => {
    const [known] = await sql<{ version: number; retired: boolean }>`
      SELECT version, retired_at IS NOT NULL AS retired FROM encryption_key WHERE check_value = ${next.checkValue}`;
    if (known !== undefined && !known.retired) return known.version;
    if (known !== undefined) {
      throw new Fault('ENCRYPTION_ROTATION_REFUSED', { detail: 'It was used before; make a new one' });
    }
    await sql`UPDATE encryption_key SET retired_at = now() WHERE retired_at IS NULL`;
    const version = vault.version + 1;
    await sql`INSERT INTO encryption_key (version, check_value) VALUES (${version}, ${next.checkValue})`;
    await appendAudit(sql, {
      merchantId: null,
      actor: { kind: 'operator' },
      action: 'encryption_key.rotate',
      before: { version: vault.version },
      after: { version },
    });
    return version;
  });
}

interface Place {
  readonly network: string;
  readonly address: string;
}

const start: Place = { network: '', address: '' };

function readPage(sql: Sql, after: Place): Promise<readonly SealedKey[]> {
  return sql<SealedKey & { readonly network: Network }>`
    SELECT network, address, wallet_id AS "walletId", encrypted_key AS "encryptedKey", key_version AS "keyVersion"
    FROM deposit_address WHERE (network, address) > (${after.network}, ${after.address})
    ORDER BY network, address LIMIT ${keysInBatch}`;
}

function lockPage(
  sql: Sql,
  { after, version }: { readonly after: Place; readonly version: number },
): Promise<readonly SealedKey[]> {
  return sql<SealedKey & { readonly network: Network }>`
    SELECT network, address, wallet_id AS "walletId", encrypted_key AS "encryptedKey", key_version AS "keyVersion"
    FROM deposit_address
    WHERE (network, address) > (${after.network}, ${after.address}) AND key_version < ${version}
    ORDER BY network, address LIMIT ${keysInBatch}
    FOR UPDATE`;
}
