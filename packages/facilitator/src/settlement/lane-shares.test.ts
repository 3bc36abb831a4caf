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

function openProcess(signers: readonly string[], told: bigint[] = [], processId: string = randomUUID()) {
  const nextAccountNonce = () => Promise.resolve(told.shift() ?? 0n);
  const chain = { network: baseSepolia, signers, ordered: true, nextAccountNonce };
  return createLanes({
    database: testDatabase.database,
    chain: chain as Partial<Chain> as Chain,
    processId,
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

const [low, high] = ['00000000-0000-4000-8000-000000000000', 'ffffffff-ffff-4fff-bfff-ffffffffffff'];

test.each([
  [low, high, ['i']],
  [low, high, ['j']],
  [high, low, ['i']],
  [high, low, ['j']],
])('no lane is left while keys are taken away or added, with %s and %s that has %o', async (one, other, keys) => {
  const [all, some] = [openProcess(['i', 'j'], [], one), openProcess(keys, [], other)];
  for (const lanes of [all, some, all, some, all]) await lanes.tend();
  const before = [heldBy(all), heldBy(some)];
  expect(before.flat().toSorted()).toEqual(['i', 'j']);
  for (const lanes of [all, some]) await lanes.tend();
  expect([heldBy(all), heldBy(some)]).toEqual(before);
});

test.each([[[1_000_000n, 5n]], [[5n, 1_000_000n]]])(
  'a new lane begins with the lower of %o, and one that was there does not move when it is taken',
  async (told) => {
    const signer = randomUUID();
    const first = openProcess([signer], [...told]);
    await first.tend();
    await first.release();
    const second = openProcess([signer], [1_000_000n, 1_000_000n]);
    await second.tend();
    expect(heldBy(second)).toEqual([signer]);
    expect(
      await testDatabase.database.sql`SELECT next_account_nonce AS next FROM lane WHERE signer = ${signer}`,
    ).toEqual([{ next: 5n }]);
  },
);
