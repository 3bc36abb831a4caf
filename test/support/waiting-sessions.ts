import type { TestDatabase } from '@tollkeeper/database/testing';
import pg from 'pg';
import { expect } from 'vitest';
import { eventually } from './eventually.js';

/** Returns when so many sessions of a database wait for what others have locked. */
export async function untilSessionsWait({ ownerUrl }: TestDatabase, sessions: number): Promise<void> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    await eventually(async () => expect((await owner.query(waiting)).rowCount).toBe(sessions));
  } finally {
    await owner.end();
  }
}

const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
