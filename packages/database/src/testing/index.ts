export { createTestDatabase, type TestDatabase } from './create-test-database.js';
export { startTestCluster, type TestCluster } from './test-cluster.js';
