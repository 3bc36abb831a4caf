import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
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

test('nobody ever sees a part of the key, so another process that starts at the same time gets all of it', async () => {
  const folders = Array.from({ length: 50 }, (_, n) => join(folder, `${n}`));
  const files = folders.map((each) => join(each, 'wallet-encryption-key'));
  const watcher = new Worker(reportPartsOf, { eval: true, workerData: files });
  const parts = once(watcher, 'message');
  await once(watcher, 'online');
  for (const each of folders) await generatedEncryptionKey(each);
  expect(await parts).toEqual([[]]);
});

/** Reads each file as soon as it is there and until it is whole, in a thread of its own. */
const reportPartsOf = `
  const { readFileSync } = require('node:fs');
  const { parentPort, workerData } = require('node:worker_threads');
  const whole = 65;
  const parts = [];
  for (const file of workerData) {
    let length;
    while (length !== whole) {
      try { length = readFileSync(file).length; } catch { continue; }
      if (length !== whole) parts.push(length);
    }
  }
  parentPort.postMessage([...new Set(parts)]);`;

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
