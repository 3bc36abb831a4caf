import type { TestDatabase } from '@tollkeeper/database/testing';
import pg from 'pg';

/** Runs a statement as the server's superuser with every trigger off, as somebody who tampers. */
export async function tamper({ ownerUrl }: TestDatabase, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query('SET session_replication_role = replica');
    await client.query(statement);
  } finally {
    await client.end();
  }
}
