import { createHash } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../migrate.js';
import { readMigrationFiles } from '../migration-files.js';

const DUPLICATE_DATABASE = '42P04';

/** The name of the template that has these migrations; altered migrations make another one. */
export async function templateName(): Promise<string> {
  const files = await readMigrationFiles();
  const hash = createHash('sha256').update(files.map((file) => `${file.name} ${file.checksum}`).join('\n'));
  return `tollkeeper_template_${hash.digest('hex').slice(0, 12)}`;
}

/** Creates and migrates the template; on a server that has it already, nothing happens. */
export async function createTemplate(serverUrl: string): Promise<void> {
  const name = await templateName();
  await withAdmin(serverUrl, async (admin) => {
    await admin.query(`CREATE DATABASE ${name}`).catch((error: unknown) => {
      if (!(error instanceof pg.DatabaseError) || error.code !== DUPLICATE_DATABASE) throw error;
    });
  });
  await migrate({ ownerUrl: databaseUrl(serverUrl, name) });
}

/** Runs `work` on a connection to the server itself. */
export async function withAdmin<T>(serverUrl: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: serverUrl });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

/** The same login on another database of the server. */
export function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.toString();
}
