import { randomBytes, randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { evmAddressOf, generateDepositKey as generateEvmKey, parseEvmPrivateKey } from '@tollkeeper/evm';
import { baseSepolia, solanaDevnet, type Network } from '@tollkeeper/protocol';
import { generateDepositKey as generateSvmKey, svmAddressOf } from '@tollkeeper/svm';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { secret, type Secret } from '../config/secret.js';
import { createKeyRotation } from './key-rotation.js';
import { createKeySealing } from './key-sealing.js';
import { createKeyVault, type EncryptionKeys } from './key-vault.js';
import { startCommand } from '../../../../test/operations/command-process.js';
import { tamper } from '../../../../test/operations/tamper.js';

const addressOfKey = {
  eip155(bytes: Uint8Array) {
    const key = parseEvmPrivateKey(Buffer.from(bytes).toString('hex'));
    return key === undefined ? undefined : evmAddressOf(key);
  },
  solana: svmAddressOf,
};

const newKey = (): Secret => secret(randomBytes(32).toString('hex'));
const [old, next, other] = [newKey(), newKey(), newKey()];
let db: TestDatabase;
let secrets: Uint8Array[];

beforeEach(async () => {
  db = await createTestDatabase();
  secrets = [];
});
afterEach(() => db.drop());

/** So many deposit addresses, half of them on each chain, as a service with the old key made them. */
async function addDepositKeys(count: number): Promise<void> {
  const sealing = createKeySealing(old);
  const merchant = randomUUID();
  await db.database.transaction(async (sql) => {
    await sql`INSERT INTO merchant (id, name) VALUES (${merchant}::uuid, ${merchant})`;
  });
  await db.database.sql`UPDATE merchant SET wallet_quota = 10000`;
  for (let index = 0; index < count; index += 1) {
    const network: Network = index % 2 === 0 ? baseSepolia : solanaDevnet;
    const { address, secret: bytes } = network === baseSepolia ? generateEvmKey() : generateSvmKey();
    secrets.push(bytes);
    const walletId = randomUUID();
    await db.database.transaction(async (sql) => {
      await sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${walletId}::uuid, ${merchant}::uuid, ${walletId})`;
      await sql`
        INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
        VALUES (${network}, ${address}, ${walletId}::uuid, ${sealing.seal({ walletId, network }, bytes)}, 1)`;
    });
  }
}

const rotationWith = (keys: EncryptionKeys) => createKeyRotation({ database: db.database, keys, addressOfKey });

/** How many deposit keys are sealed under each version. */
async function versions(): Promise<Readonly<Record<number, number>>> {
  const rows = await db.database.sql<{ version: number; count: bigint }>`
    SELECT key_version AS version, count(*) AS count FROM deposit_address GROUP BY key_version`;
  return Object.fromEntries(rows.map(({ version, count }) => [version, Number(count)]));
}

test('every key is sealed anew, opens under the next key alone, and belongs to its address', async () => {
  await addDepositKeys(230);
  expect(await rotationWith({ current: old, next }).rotate()).toEqual({ version: 2, resealed: 230, verified: 230 });
  expect(await versions()).toEqual({ 2: 230 });
  expect(await rotationWith({ current: next }).verify()).toBe(230);
  await expect(rotationWith({ current: old }).verify()).rejects.toMatchObject({ code: 'WALLET_KEY_UNREADABLE' });
  expect(await rotationWith({ current: old, next }).rotate()).toEqual({ version: 2, resealed: 0, verified: 230 });
  expect(await rotationWith({ current: next, next: other }).rotate()).toMatchObject({ version: 3, resealed: 230 });
  const actions = await db.database.sql<{ after: object }>`
    SELECT after FROM audit_entry WHERE action = 'encryption_key.rotate' ORDER BY sequence`;
  expect(actions.map(({ after }) => after)).toEqual([{ version: 2 }, { version: 3 }]);
});

test('killed in the middle of a batch, both keys are readable, and the next run finishes', async () => {
  await addDepositKeys(250);
  const blocker = new pg.Client({ connectionString: db.ownerUrl });
  blocker.on('error', () => undefined);
  await blocker.connect();
  await blocker.query('BEGIN');
  await blocker.query(`SELECT FROM deposit_address WHERE address =
    (SELECT address FROM deposit_address ORDER BY network, address OFFSET 150 LIMIT 1) FOR UPDATE`);
  const command = startCommand(['encryption', 'rotate'], environment());
  await vi.waitFor(async () => expect(await versions(), command.errors()).toEqual({ 1: 150, 2: 100 }), {
    timeout: 60_000,
    interval: 20,
  });
  command.kill('SIGKILL');
  expect((await command.ended).signal).toBe('SIGKILL');
  await blocker.query('ROLLBACK');
  await blocker.end();

  expect(await versions()).toEqual({ 1: 150, 2: 100 });
  expect(await rotationWith({ current: old, next }).verify()).toBe(250);
  expect(await rotationWith({ current: next, previous: old }).verify()).toBe(250);
  await expect(rotationWith({ current: next }).verify()).rejects.toMatchObject({ code: 'WALLET_KEY_UNREADABLE' });

  const again = startCommand(['encryption', 'rotate', '--json'], environment());
  expect(await again.ended).toMatchObject({ code: 0 });
  expect(JSON.parse(again.output())).toEqual({ version: 2, resealed: 150, verified: 250 });
  const printed = [command, again].map((each) => each.output() + each.errors()).join('');
  for (const bytes of [...secrets, ...[old, next].map((key) => Buffer.from(key.reveal(), 'hex'))]) {
    expect(printed).not.toContain(Buffer.from(bytes).toString('hex'));
  }
});

test('what is sealed while keys rotate is sealed under the next key, or refused', async () => {
  await addDepositKeys(3);
  const service = createKeyVault({ database: db.database, keys: { current: old, next } });
  await service.load();
  expect(service.version).toBe(1);
  await rotationWith({ current: old, next }).rotate();

  const [row] = await db.database.sql<{ walletId: string }>`
    SELECT id AS "walletId" FROM wallet WHERE id NOT IN (SELECT wallet_id FROM deposit_address WHERE network = ${solanaDevnet})`;
  const name = { walletId: row?.walletId ?? '', network: solanaDevnet };
  const { address, secret: bytes } = generateSvmKey();
  const store = () => db.database.sql`
    INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
    VALUES (${name.network}, ${address}, ${name.walletId}::uuid, ${service.seal(name, bytes)}, ${service.version})`;
  await expect(store()).rejects.toMatchObject({ constraint: 'deposit_address_key_in_use' });
  await service.load();
  await store();
  expect(await versions()).toEqual({ 2: 4 });
  const behind = createKeyVault({ database: db.database, keys: { current: old } });
  await expect(behind.load()).rejects.toMatchObject({ code: 'WALLET_KEY_UNREADABLE', facts: { keyVersion: 2 } });
});

describe('a next key is refused, and nothing changes,', () => {
  beforeEach(() => addDepositKeys(4));

  test.each<[string, EncryptionKeys, string]>([
    ['that is missing', { current: old }, 'ENCRYPTION_ROTATION_REFUSED'],
    ['that is the key of now', { current: old, next: old }, 'ENCRYPTION_ROTATION_REFUSED'],
    ['of a process that lacks the key of now', { current: other, next }, 'WALLET_KEY_UNREADABLE'],
  ])('%s', async (_what, keys, code) => {
    await expect(rotationWith(keys).rotate()).rejects.toMatchObject({ code });
    expect(await versions()).toEqual({ 1: 4 });
    expect(await rotationWith({ current: old }).verify()).toBe(4);
  });

  test('that was used before', async () => {
    await rotationWith({ current: old, next }).rotate();
    const back = rotationWith({ current: next, next: old }).rotate();
    await expect(back).rejects.toMatchObject({ code: 'ENCRYPTION_ROTATION_REFUSED' });
    expect(await versions()).toEqual({ 2: 4 });
  });

  test('that differs from the one of a rotation that was interrupted', async () => {
    await rotationWith({ current: old, next }).rotate();
    const elsewhere = rotationWith({ current: old, next: other }).rotate();
    await expect(elsewhere).rejects.toMatchObject({ code: 'WALLET_KEY_UNREADABLE' });
    expect(await versions()).toEqual({ 2: 4 });
  });

  test('while any deposit key is not the key of its address', async () => {
    const stranger = generateEvmKey();
    const [row] = await db.database.sql<{ walletId: string; address: string }>`
      SELECT wallet_id AS "walletId", address FROM deposit_address WHERE network = ${baseSepolia} LIMIT 1`;
    const { walletId, address } = row ?? expect.fail('no key');
    const sealed = createKeySealing(old).seal({ walletId, network: baseSepolia }, stranger.secret);
    const hex = Buffer.from(sealed).toString('hex');
    await tamper(db, `UPDATE deposit_address SET encrypted_key = '\\x${hex}' WHERE address = '${address}'`);
    await expect(rotationWith({ current: old, next }).rotate()).rejects.toMatchObject({
      code: 'WALLET_KEY_UNREADABLE',
      facts: { walletId },
    });
    expect(await versions()).toEqual({ 1: 4 });
  });
});

test('the database takes no deposit key back to an earlier encryption key', async () => {
  await addDepositKeys(1);
  await rotationWith({ current: old, next }).rotate();
  const back = db.database.sql`UPDATE deposit_address SET key_version = 1`;
  await expect(back).rejects.toMatchObject({ code: '42501' });
  const elsewhere = db.database.sql`UPDATE deposit_address SET address = 'other'`;
  await expect(elsewhere).rejects.toMatchObject({ code: '42501' });
});

function environment(): Record<string, string> {
  return {
    ENVIRONMENT: 'production',
    DATABASE_URL: db.url,
    WALLET_ENCRYPTION_KEY: old.reveal(),
    WALLET_ENCRYPTION_KEY_NEXT: next.reveal(),
  };
}
