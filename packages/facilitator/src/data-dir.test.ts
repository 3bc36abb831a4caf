import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generatedEncryptionKey } from './data-dir.js';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'tollkeeper-test-')), 'data');
  file = join(folder, 'wallet-encryption-key');
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

const keyOf = async () => (await generatedEncryptionKey(folder)).reveal();

test('the key is made on first use, for its owner only, and is the same ever after', async () => {
  const key = await keyOf();
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await keyOf()).toBe(key);
  expect((await readFile(file, 'utf8')).trim()).toBe(key);
  expect(await readdir(folder)).toEqual(['wallet-encryption-key']);
});

test('two folders have two keys', async () => {
  const other = await generatedEncryptionKey(join(folder, 'other'));
  expect(await keyOf()).not.toBe(other.reveal());
});

test('a key file that others may read is closed to them', async () => {
  const key = await keyOf();
  await chmod(file, 0o644);
  expect(await keyOf()).toBe(key);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('many that make the key at once agree on it', async () => {
  const keys = await Promise.all(Array.from({ length: 50 }, keyOf));
  expect(new Set(keys)).toEqual(new Set([(await readFile(file, 'utf8')).trim()]));
  expect(await readdir(folder)).toEqual(['wallet-encryption-key']);
});

test.each([
  ['empty', ''],
  ['too short', 'ab'],
  ['of other letters', 'x'.repeat(64)],
  ['two keys', `${'a'.repeat(64)}\n${'b'.repeat(64)}`],
])('a key file that is %s is refused and stays as it is', async (_what, content) => {
  await keyOf();
  await writeFile(file, content);
  await expect(generatedEncryptionKey(folder)).rejects.toMatchObject({
    code: 'DATA_DIR_UNUSABLE',
    facts: { dataDir: folder, file: 'wallet-encryption-key', problem: 'not 64 hex characters' },
  });
  expect(await readFile(file, 'utf8')).toBe(content);
});

test('a folder that cannot be one is refused by its name', async () => {
  await keyOf();
  const dataDir = join(file, 'below a file');
  await expect(generatedEncryptionKey(dataDir)).rejects.toMatchObject({
    code: 'DATA_DIR_UNUSABLE',
    facts: { dataDir },
  });
});
