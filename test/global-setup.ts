import { startTestCluster } from '@tollkeeper/database/testing';

/** Starts the run's PostgreSQL, or uses the one that TEST_DATABASE_URL names, and tells the workers where it is. */
export async function setup(): Promise<() => Promise<void>> {
  const cluster = await startTestCluster(process.env['TEST_DATABASE_URL']);
  process.env['TEST_DATABASE_URL'] = cluster.url;
  return cluster.stop;
}
