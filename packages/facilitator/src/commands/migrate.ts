import type { Config } from '../config/config.js';
import { createLogger } from '../logging/logger.js';
import { locateServer, migrateOwned } from '../storage.js';
import { print } from './output.js';

/** Applies the missing migrations as the database's owner, and prints each. Running it again changes nothing. */
export async function runMigrations(config: Config): Promise<void> {
  const log = createLogger({ level: 'warn', destination: process.stderr });
  const server = await locateServer(config, { log, beside: true });
  try {
    const applied = await migrateOwned(server.ownerUrl, log);
    for (const name of applied) print(`applied ${name}`);
    print(
      applied.length === 0 ? 'The database is up to date.' : `The database is up to date: ${applied.length} applied.`,
    );
  } finally {
    await server.stop();
  }
}
