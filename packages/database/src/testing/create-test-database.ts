import { randomUUID } from 'node:crypto';
import { type Database, openDatabase } from '../database.js';
import { databaseUrl, templateName, withAdmin } from './template-database.js';

/** A database of a test's own, migrated and empty. */
export interface TestDatabase {
  /** The owner's login, for what the application may not do. */
  readonly ownerUrl: string;
  /** What the service would be given; `openDatabase` takes on the application's role. */
  readonly url: string;
  readonly database: Database;
  /** Closes `database` and removes it from the server, whoever is still connected. */
  readonly drop: () => Promise<void>;
}

/** Copies the run's template database, in a few milliseconds, and opens it as the application does. */
export async function createTestDatabase(): Promise<TestDatabase> {
  // The run's global setup has no other way to tell the workers where the server is.
  const serverUrl = process.env['TEST_DATABASE_URL'];
  if (serverUrl === undefined) throw new Error('TEST_DATABASE_URL is missing; run the tests with vitest from the root');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const template = await templateName();
  await withAdmin(serverUrl, (admin) => admin.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`));
  const url = databaseUrl(serverUrl, name);
  const database = await openDatabase({ url, onWarning: () => undefined });
  const drop = async () => {
    await database.close();
    await withAdmin(serverUrl, (admin) => admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  };
  return { ownerUrl: url, url, database, drop };
}
