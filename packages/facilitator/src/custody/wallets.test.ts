import { tmpdir } from 'node:os';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { composeWallets } from '../compose-commands.js';
import { readConfig } from '../config/config.js';
import { createLogger } from '../logging/logger.js';
import type { Wallets } from './wallets.js';

let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

test('no key is sealed under another encryption key than those before it', async () => {
  const names = (name: string) => ({ merchant: 'acme', name });
  const [right, wrong] = ['1f'.repeat(32), '2e'.repeat(32)];
  await withWallets(right, ({ create }) => create(names('one')));

  const refused = withWallets(wrong, ({ create }) => create(names('two')));
  await expect(refused).rejects.toMatchObject({ code: 'WALLET_KEY_UNREADABLE' });
  expect(await withWallets(wrong, ({ list }) => list())).toHaveLength(1);

  const two = await withWallets(right, ({ create }) => create(names('two')));
  expect(two.addresses).toHaveLength(1);
});

async function withWallets<Result>(key: string, work: (wallets: Wallets) => Promise<Result>): Promise<Result> {
  const result = readConfig({
    ENVIRONMENT: 'development',
    DATA_DIR: tmpdir(),
    DATABASE_URL: testDatabase.url,
    WALLET_ENCRYPTION_KEY: key,
    EVM_NETWORK: 'eip155:84532',
    EVM_RPC_URL: 'http://127.0.0.1:9',
    EVM_PRIVATE_KEY: `0x${'1b'.repeat(32)}`,
  });
  if (!result.ok) return expect.fail(JSON.stringify(result.problems));
  const { wallets, close } = await composeWallets(result.config, createLogger({ level: 'silent' }));
  try {
    return await work(wallets);
  } finally {
    await close();
  }
}
