import { setTimeout as delay } from 'node:timers/promises';
import type { FaultFacts } from '@tollkeeper/protocol';
import type { Pool, PoolClient } from 'pg';
import { asConnectFault, asDatabaseFault, isConnectionLost, isServerFull } from './database-error.js';
import { runStatement, type Statement } from './sql.js';

/** One pooled connection, for as long as `use` runs. */
export interface Connection {
  readonly run: (statement: Statement) => Promise<unknown[]>;
  /** Runs a command without parameters and answers its tag, which says what really happened: COMMIT or ROLLBACK. */
  readonly command: (text: string, facts?: FaultFacts) => Promise<string>;
  /** Whether the server is known to be gone. */
  readonly isLost: () => boolean;
}

/** Lends out a pooled connection and takes it back; one that was lost is destroyed, not returned to the pool. */
export async function withConnection<T>(pool: Pool, use: (connection: Connection) => Promise<T>): Promise<T> {
  const client = await checkOut(pool);
  let lost = false;
  // Without a listener, losing the connection between two statements would end the process.
  const onLoss = () => (lost = true);
  client.on('error', onLoss);
  const answer = async <A>(pending: Promise<A>, facts?: FaultFacts): Promise<A> => {
    try {
      return await pending;
    } catch (error) {
      lost ||= isConnectionLost(error);
      throw asDatabaseFault(error, facts);
    }
  };
  try {
    return await use({
      run: (statement) => answer(runStatement(client, statement)),
      command: async (text, facts) => (await answer(client.query(text), facts)).command,
      isLost: () => lost,
    });
  } finally {
    client.removeListener('error', onLoss);
    client.release(lost);
  }
}

/** For so long it is waited for a place on a server that has given all of them away. */
const PATIENCE_MS = 5_000;
const PAUSE_MS = 20;

/** A pool that the server refuses to grow has connections that come back, and so have others. */
async function checkOut(pool: Pool): Promise<PoolClient> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await pool.connect();
    } catch (error) {
      if (!isServerFull(error) || performance.now() > deadline) throw asConnectFault(error);
    }
    await delay(PAUSE_MS * (0.5 + Math.random()));
  }
}
