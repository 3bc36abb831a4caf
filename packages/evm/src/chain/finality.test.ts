import { baseSepolia, isFault, type Inclusion } from '@tollkeeper/protocol';
import { createRpcGate, faultOn } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../../test/support/eventually.js';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';

let setup: EvmSetup;

beforeAll(async () => {
  setup = await startEvmSetup({ slotsInAnEpoch: 8 });
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

const transaction = `0x${'11'.repeat(32)}`;

/** Mines so many blocks and answers them, oldest first. */
async function mine(count: number): Promise<Inclusion[]> {
  const mined: Inclusion[] = [];
  for (let block = 0; block < count; block += 1) {
    await setup.anvil.mine();
    const head = (await setup.anvil.rpc('eth_getBlockByNumber', ['latest', false])) as { number: string; hash: string };
    mined.push({ transaction, block: { number: BigInt(head.number), hash: head.hash } });
  }
  return mined;
}

/** As the finality of blocks changes, so do the answers of one chain, which remembers what it learnt. */
test('a block is confirmed under fifteen others and final under sixteen', async () => {
  const { chain } = setup.network();
  const blocks = await mine(20);
  const expected = blocks.map((_, index) => (index < 4 ? 'final' : 'confirmed'));
  expect(await chain.finality(blocks)).toEqual(expected);
  expect(await chain.finality(blocks)).toEqual(expected);
  expect(await chain.finality(blocks.toReversed())).toEqual(expected.toReversed());
  expect(await chain.finality([])).toEqual([]);
});

test('a block that a reorg replaced is gone, and those below it are not', async () => {
  const { chain } = setup.network();
  const blocks = await mine(6);
  expect(await chain.finality(blocks)).toEqual(blocks.map(() => 'confirmed'));
  await setup.anvil.rpc('anvil_reorg', [2, []]);
  const expected = ['confirmed', 'confirmed', 'confirmed', 'confirmed', 'gone', 'gone'];
  expect(await chain.finality(blocks)).toEqual(expected);
  expect(await chain.finality([...blocks, ...(await mine(1))])).toEqual([...expected, 'confirmed']);
});

test('a block above the head of the node is unknown', async () => {
  const { chain } = setup.network();
  const blocks = await mine(3);
  expect(await chain.finality(blocks)).toEqual(['confirmed', 'confirmed', 'confirmed']);
  await setup.anvil.rpc('anvil_rollback', [2]);
  expect(await chain.finality(blocks)).toEqual(['confirmed', 'unknown', 'unknown']);
  await mine(2);
  expect(await chain.finality(blocks)).toEqual(['confirmed', 'gone', 'gone']);
});

test('a look at what is known costs two requests, and one for each block that became final', async () => {
  const { chain } = setup.network();
  const blocks = await mine(16);
  await chain.finality(blocks);
  setup.proxy.reset();
  await chain.finality(Array.from({ length: 10 }, () => blocks).flat());
  expect(setup.proxy.calls()).toBe(2);
  const [next] = await mine(1);
  if (next === undefined) return expect.fail('a block was mined');
  setup.proxy.reset();
  expect(await chain.finality([...blocks, next])).toContain('final');
  expect(setup.proxy.calls()).toBe(4);
});

describe.each(['oldest', 'newest'])('a look that asks for the %s first', (order) => {
  test.each([1, 2, 3, 4, 5])('sees a reorg before its request %i at once or in the next look', async (request) => {
    const { chain } = setup.network();
    const before = await mine(2);
    await chain.finality(before);
    const blocks = [...before, ...(await mine(3))];
    const asked = order === 'oldest' ? blocks : blocks.toReversed();
    const gate = createRpcGate();
    let answered = 0;
    setup.proxy.reset();
    setup.proxy.use(({ ordinal }) => {
      if (ordinal >= request) return { kind: 'hold', gate };
      const change = (block: unknown) => {
        answered += 1;
        return block;
      };
      return { kind: 'alter', change };
    });
    const look = chain.finality(asked);
    await eventually(() => expect([answered, gate.waiting() > 0]).toEqual([request - 1, true]));
    await setup.anvil.rpc('anvil_reorg', [4, []]);
    gate.open();
    await look;
    setup.proxy.reset();
    expect(await chain.finality(blocks)).toEqual(['confirmed', 'gone', 'gone', 'gone', 'gone']);
  });
});

test('what a node said in the middle of a reorg is not what releases a payment', async () => {
  const { chain } = setup.network();
  const blocks = await mine(2);
  const [older, newer] = blocks;
  if (older === undefined || newer === undefined) return expect.fail('two blocks were mined');
  const wrong = { ...older, block: { ...older.block, hash: `0x${'99'.repeat(32)}` } };
  const number = `0x${older.block.number.toString(16)}`;
  const forked = { number, hash: wrong.block.hash, baseFeePerGas: '0x1' };
  setup.proxy.use(({ method, params }) =>
    method === 'eth_getBlockByNumber' && (params as unknown[])[0] === number
      ? { kind: 'result', result: forked }
      : undefined,
  );
  expect(await chain.finality([wrong, newer])).toEqual(['confirmed', 'confirmed']);
  setup.proxy.reset();
  await mine(16);
  expect(await chain.finality([wrong, older])).toEqual(['gone', 'final']);
});

test.each([
  ['knows no finalized block yet', { kind: 'error', code: -39_001, message: 'finalized block not found' } as const],
  ['has none', { kind: 'result', result: null } as const],
  ['does not know the tag', { kind: 'error', code: -32_602, message: 'invalid argument 0: hex string' } as const],
])('where the node %s, the configured depth decides', async (_what, answer) => {
  const { chain } = setup.network({ limits: { finalityDepth: 3 } });
  const blocks = await mine(5);
  setup.proxy.use(({ method, params }) =>
    method === 'eth_getBlockByNumber' && (params as unknown[])[0] === 'finalized' ? answer : undefined,
  );
  expect(await chain.finality(blocks)).toEqual(['final', 'final', 'confirmed', 'confirmed', 'confirmed']);
});

test.each([
  ['is away', { kind: 'drop' } as const],
  ['is busy', { kind: 'error', code: -32_005, message: 'limit exceeded' } as const],
])('where the node %s, nothing is said', async (_what, fault) => {
  const { chain } = setup.network({ limits: { finalityDepth: 0 } });
  const blocks = await mine(1);
  setup.proxy.use(faultOn('eth_getBlockByNumber', fault));
  await expect(chain.finality(blocks)).rejects.toSatisfy((error) => isFault(error, 'CHAIN_RPC_UNAVAILABLE'));
});

test('a depth is a whole number of blocks', () => {
  expect(() => setup.network({ limits: { finalityDepth: -1 } })).toThrow(RangeError);
  expect(setup.network().chain.network).toBe(baseSepolia);
});
