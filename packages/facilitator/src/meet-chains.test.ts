import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseSepolia, Fault, solanaDevnet, type Chain, type Network } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from './logging/logger.js';
import { meetChains } from './meet-chains.js';
import { recogniseChain } from './storage.js';

const log = createLogger({ level: 'silent' });
let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  await recogniseChain(db.database, networkOf(baseSepolia, 'genesis').chain);
});
afterAll(() => db.drop());

/** A network whose node names its chain, or is away. */
function networkOf(network: Network, identity?: string) {
  const bound: string[] = [];
  const identify = async () => {
    if (identity === undefined) throw new Fault('CHAIN_RPC_UNAVAILABLE', { network });
    return identity;
  };
  return {
    chain: { network, identify } as Partial<Chain> as Chain,
    bound,
    bindTo: (known: string) => void bound.push(known),
  };
}

const meet = (...networks: ReturnType<typeof networkOf>[]) => meetChains({ database: db.database, networks, log });

test('a network without a node is bound to the chain that the database remembers', async () => {
  const [away, there] = [networkOf(baseSepolia), networkOf(solanaDevnet, 'cluster')];
  expect(await meet(away, there)).toEqual([away.chain]);
  expect([away.bound, there.bound]).toEqual([['genesis'], []]);
});

test('a network without a node, of which the database remembers nothing, keeps the process from starting', async () => {
  const unknown = networkOf('eip155:1' as Network);
  await expect(meet(unknown, networkOf(baseSepolia, 'genesis'))).rejects.toMatchObject({
    code: 'CHAIN_RPC_UNAVAILABLE',
    facts: { network: 'eip155:1' },
  });
  expect(unknown.bound).toEqual([]);
});

test('another chain keeps the process from starting, whatever the other networks do', async () => {
  const another = networkOf(baseSepolia, 'another');
  for (const other of [networkOf(solanaDevnet, 'cluster'), networkOf(solanaDevnet)])
    await expect(meet(other, another)).rejects.toMatchObject({ code: 'CHAIN_CHANGED' });
});

test('without a node of any network, the first one is named', async () => {
  await expect(meet(networkOf(baseSepolia), networkOf(solanaDevnet))).rejects.toMatchObject({
    code: 'CHAIN_RPC_UNAVAILABLE',
    facts: { network: baseSepolia },
  });
});
