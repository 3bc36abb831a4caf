import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '@tollkeeper/protocol';
import { secret, type Secret } from './config/secret.js';

const encryptionKeyFile = 'wallet-encryption-key';

/**
 * The wallet encryption key of a data folder: made on first use and kept in a file that only its owner reads (0600).
 * Losing the file loses the deposit keys that it encrypts.
 * @throws Fault `DATA_DIR_UNUSABLE` when the folder cannot be written or the file is not such a key.
 */
export async function generatedEncryptionKey(dataDir: string): Promise<Secret> {
  const path = join(dataDir, encryptionKeyFile);
  try {
    await mkdir(dataDir, { recursive: true });
    if (!existsSync(path)) await writeOnce(path, randomBytes(32).toString('hex'));
    await chmod(path, 0o600);
    const text = (await readFile(path, 'utf8')).trim();
    if (/^[0-9a-f]{64}$/.test(text)) return secret(text);
  } catch (cause) {
    throw new Fault('DATA_DIR_UNUSABLE', { dataDir, file: encryptionKeyFile }, { cause });
  }
  throw new Fault('DATA_DIR_UNUSABLE', { dataDir, file: encryptionKeyFile, problem: 'not 64 hex characters' });
}

/** Creates the file with all of its text or not at all, so that nobody reads a part of it, also after a crash. */
async function writeOnce(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${text}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
