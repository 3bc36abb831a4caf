import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseSepolia, type Chain } from '@tollkeeper/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../logging/logger.js';
import { createLanes } from './lanes.js';

let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
beforeEach(async () => {
  await testDatabase.database.sql`DELETE FROM settler`;
  await testDatabase.database.sql`UPDATE lane SET holder = NULL, lease_until = NULL`;
});
afterAll(() => testDatabase.drop());

function openProcess(signers: readonly string[]) {
  const chain = { network: baseSepolia, signers, ordered: true, nextAccountNonce: () => Promise.resolve(0n) };
  return createLanes({
    database: testDatabase.database,
    chain: chain as Partial<Chain> as Chain,
    processId: randomUUID(),
    onEvent: () => undefined,
    log: createLogger({ level: 'silent' }),
  });
}

const heldBy = (lanes: ReturnType<typeof openProcess>) => lanes.held().map(({ signer }) => signer);

test('processes with the same keys share the lanes evenly, whoever came first', async () => {
  const signers = ['a', 'b', 'c', 'd'];
  const [first, second] = [openProcess(signers), openProcess(signers)];
  await first.tend();
  expect(heldBy(first)).toHaveLength(4);
  // Who came first leaves the half when it learns of the other, which takes it then.
  for (const lanes of [second, first, second]) await lanes.tend();
  expect([heldBy(first).length, heldBy(second).length]).toEqual([2, 2]);
  expect([...heldBy(first), ...heldBy(second)].toSorted()).toEqual(signers);
});

test('a process with keys of its own works all of its lanes, whoever else is there', async () => {
  const [first, second, third] = [openProcess(['e']), openProcess(['f']), openProcess(['g', 'h'])];
  for (const lanes of [first, second, third, first, second, third]) await lanes.tend();
  expect([heldBy(first), heldBy(second), heldBy(third)]).toEqual([['e'], ['f'], ['g', 'h']]);
});
