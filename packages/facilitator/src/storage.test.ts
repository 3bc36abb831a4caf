import { randomBytes } from 'node:crypto';
import { openDatabase } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseSepolia, solanaDevnet, type Chain, type Network } from '@tollkeeper/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeProblems, readConfig, type Config, type Environment } from './config/config.js';
import { createLogger } from './logging/logger.js';
import { openStorage, recogniseChain } from './storage.js';

const log = createLogger({ level: 'silent', destination: process.stderr });
let db: TestDatabase;

beforeEach(async () => {
  db = await createTestDatabase();
});
afterEach(() => db.drop());

function configFor(environment: Environment, url = db.url): Config {
  const result = readConfig({
    ENVIRONMENT: environment,
    DATABASE_URL: url,
    WALLET_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
  });
  if (!result.ok) throw new Error(describeProblems(result.problems));
  return result.config;
}

async function openAs(environment: Environment): Promise<void> {
  const storage = await openStorage(configFor(environment), { log, beside: false });
  await storage.close();
}

async function asOwner(work: (sql: TestDatabase['database']['sql']) => Promise<unknown>): Promise<void> {
  const role = decodeURIComponent(new URL(db.ownerUrl).username);
  const owner = await openDatabase({ url: db.ownerUrl, role, onWarning: () => undefined });
  await work(owner.sql);
  await owner.close();
}

describe('a database', () => {
  test.each([
    ['production', 'development'],
    ['development', 'production'],
  ] as const)('of %s is refused in %s, and open to its own as before', async (first, second) => {
    await openAs(first);
    await expect(openAs(second)).rejects.toMatchObject({
      code: 'ENVIRONMENT_MISMATCH',
      facts: { database: first, process: second },
    });
    await expect(openAs(first)).resolves.toBeUndefined();
  });

  test('that two processes meet first belongs to the environment of one of them', async () => {
    const outcomes = await Promise.allSettled([openAs('production'), openAs('development')]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('without migrations is refused in production and brought up to date in development', async () => {
    await asOwner(async (sql) => {
      await sql`DROP SCHEMA public CASCADE`;
      await sql`CREATE SCHEMA public`;
    });
    await expect(openAs('production')).rejects.toMatchObject({ code: 'MIGRATIONS_PENDING' });
    await openAs('development');
    await expect(openAs('development')).resolves.toBeUndefined();
  });

  test('that does not answer is said to, without its password', async () => {
    const url = new URL(db.url);
    url.port = '1';
    url.password = 'correct-horse';
    const opening = openStorage(configFor('production', url.toString()), { log, beside: false });
    await expect(opening).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await expect(opening).rejects.not.toThrow(/correct-horse/);
  });
});

describe('a chain', () => {
  /** Only `identify` is asked for; anything else would be a mistake. */
  const chainOf = (network: Network, identity: string) =>
    ({ network, identify: () => Promise.resolve(identity) }) as Partial<Chain> as Chain;
  const recognise = (network: Network, identity: string) => recogniseChain(db.database, chainOf(network, identity));

  test('is remembered by its first block, and is the same after a restart', async () => {
    await recognise(baseSepolia, '0xgenesis');
    await expect(recognise(baseSepolia, '0xgenesis')).resolves.toBeUndefined();
  });

  test('that was started anew under the same id is refused, now and later', async () => {
    await recognise(baseSepolia, '0xgenesis');
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(recognise(baseSepolia, '0xanother')).rejects.toMatchObject({
        code: 'CHAIN_CHANGED',
        facts: { network: baseSepolia, known: '0xgenesis', found: '0xanother' },
      });
    }
    await expect(recognise(baseSepolia, '0xgenesis')).resolves.toBeUndefined();
  });

  test('is remembered for its own id only', async () => {
    await recognise(baseSepolia, '0xgenesis');
    await expect(recognise(solanaDevnet, 'genesis')).resolves.toBeUndefined();
  });

  test('that does not say who it is, is not remembered', async () => {
    const away = new Error('no answer');
    const chain = { network: baseSepolia, identify: () => Promise.reject(away) } as Partial<Chain> as Chain;
    await expect(recogniseChain(db.database, chain)).rejects.toBe(away);
    expect(await db.database.sql`SELECT * FROM chain_identity`).toEqual([]);
  });
});
