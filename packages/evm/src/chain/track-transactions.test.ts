import type { Observation, SubmittedTransaction } from '@tollkeeper/protocol';
import { faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';
import { paymentsTo } from '../../../../test/support/evm-sharing.js';

const { facilitator, merchant } = sandboxKeys.evm;
let setup: EvmSetup;
let evm: ReturnType<EvmSetup['network']>;
let nowMs: number;

beforeAll(async () => {
  setup = await startEvmSetup();
});
beforeEach(async () => {
  nowMs = Date.now();
  evm = setup.network({ clock: { now: () => new Date(nowMs) } });
  await evm.chain.identify();
  await setup.anvil.rpc('evm_setAutomine', [false]);
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

/** Transactions of one signer, each of one payment, that wait in the node's pool. */
async function waiting(count: number): Promise<readonly SubmittedTransaction[]> {
  await setup.anvil.rpc('evm_setAutomine', [true]);
  const payments = await paymentsTo(
    setup,
    Array.from({ length: count }, () => merchant.address),
  );
  const verified = await Promise.all(payments.map((payment) => evm.verify(payment)));
  await setup.anvil.rpc('evm_setAutomine', [false]);
  const first = (await evm.chain.nextAccountNonce(facilitator.address)) ?? 0n;
  const submitted = [];
  for (const [index, payment] of verified.entries()) {
    const planning = await payment.plan({ signer: facilitator.address, company: [] });
    if (!planning.planned) return expect.fail(JSON.stringify(planning.rejection));
    const signed = planning.plan.sign(first + BigInt(index));
    expect(await evm.chain.broadcast(signed)).toEqual({ accepted: true });
    submitted.push({ ...signed, expected: payment.authorization });
  }
  return submitted;
}

/** What a look finds, and what it costs. */
async function look(submitted: readonly SubmittedTransaction[], side = evm) {
  setup.proxy.reset();
  const observations = await side.chain.observe(submitted);
  return { states: observations.map(stateOf), calls: setup.proxy.counts() };
}

function stateOf(observation: Observation): string {
  return observation.state === 'pending' && observation.inBlock === true ? 'in block' : observation.state;
}

const all = (count: number, state: string) => Array.from({ length: count }, () => state);
const head = { eth_getBlockByNumber: 1 };

describe('a look costs', () => {
  test('one receipt for each at first, then one request, however many wait', async () => {
    const submitted = await waiting(15);
    const first = await look(submitted);
    expect(first).toEqual({ states: all(15, 'pending'), calls: { ...head, eth_getTransactionReceipt: 15 } });
    for (let round = 0; round < 3; round += 1) {
      expect(await look(submitted)).toEqual({ states: all(15, 'pending'), calls: head });
    }
    await setup.anvil.mine();
    expect((await look(submitted)).states).toEqual(all(15, 'transferred'));
  });

  test('the receipts of a block in one request where many of them are in it', async () => {
    const submitted = await waiting(12);
    await look(submitted);
    await setup.anvil.mine();
    const calls = { ...head, eth_getBlockReceipts: 1 };
    expect(await look(submitted)).toEqual({ states: all(12, 'transferred'), calls });
  });

  test('a receipt each where the node does not give those of a block', async () => {
    const submitted = await waiting(12);
    await look(submitted);
    await setup.anvil.mine();
    const refusal = { kind: 'error', code: -32601, message: 'the method eth_getBlockReceipts does not exist' } as const;
    setup.proxy.reset();
    setup.proxy.use(faultOn('eth_getBlockReceipts', refusal));
    const observations = await evm.chain.observe(submitted);
    expect(observations.map(stateOf)).toEqual(all(12, 'transferred'));
    expect(setup.proxy.counts()).toEqual({ ...head, eth_getBlockReceipts: 1, eth_getTransactionReceipt: 12 });
  });

  test('nothing twice, when several ask at once for the same', async () => {
    const [submitted] = await waiting(1);
    if (submitted === undefined) return expect.fail('one transaction');
    setup.proxy.reset();
    const looks = await Promise.all(Array.from({ length: 5 }, () => evm.chain.observe([submitted])));
    expect(looks.flat().map(stateOf)).toEqual(all(5, 'pending'));
    expect(setup.proxy.calls('eth_getTransactionReceipt')).toBe(1);
    await setup.anvil.mine();
    expect((await look([submitted])).states).toEqual(['transferred']);
  });
});

describe('a transaction is found', () => {
  test('in whichever of several blocks that came since the last look', async () => {
    const submitted = await waiting(1);
    await look(submitted);
    await setup.anvil.mine(2);
    expect((await look(submitted)).states).toEqual(['transferred']);
  });

  test('after more blocks than are worth reading', async () => {
    const submitted = await waiting(2);
    await look(submitted);
    await setup.anvil.mine(60);
    const found = await look(submitted);
    expect(found.states).toEqual(['transferred', 'transferred']);
    expect(found.calls['eth_getTransactionReceipt']).toBe(2);
  });

  test('that was mined long before anybody looked', async () => {
    const submitted = await waiting(1);
    await setup.anvil.mine(200);
    expect((await look(submitted)).states).toEqual(['transferred']);
  });

  test('in a block that is told of before its receipts are', async () => {
    const submitted = await waiting(1);
    await look(submitted);
    await setup.anvil.mine();
    const remove = setup.proxy.use(faultOn('eth_getTransactionReceipt', { kind: 'result', result: null }));
    expect((await evm.chain.observe(submitted)).map(stateOf)).toEqual(['in block']);
    remove();
    expect((await look(submitted)).states).toEqual(['transferred']);
  });

  test('although the node that was asked for its receipt was behind the one that told the blocks', async () => {
    const submitted = await waiting(1);
    await setup.anvil.mine();
    const blind = setup.proxy.use(faultOn('eth_getTransactionReceipt', { kind: 'result', result: null }));
    expect((await evm.chain.observe(submitted)).map(stateOf)).toEqual([expect.stringMatching(/pending|in block/)]);
    blind();
    nowMs += 20_000;
    await setup.anvil.mine();
    expect((await look(submitted)).states).toEqual(['transferred']);
  });

  test.each(['eth_getTransactionReceipt', 'eth_getBlockByNumber'])(
    'after trouble with %s in a look',
    async (method) => {
      const submitted = await waiting(3);
      await look(submitted.slice(0, 1));
      await setup.anvil.mine();
      expect((await look(submitted.slice(0, 1))).states).toEqual(['transferred']);
      setup.proxy.use(faultOn(method, { kind: 'drop' }));
      await expect(evm.chain.observe(submitted)).rejects.toThrow();
      expect((await look(submitted)).states).toEqual(all(3, 'transferred'));
    },
  );
});

test('a receipt of another block than the one that lists the transaction is not believed', async () => {
  const submitted = await waiting(1);
  await look(submitted);
  await setup.anvil.mine();
  const elsewhere = `0x${'ab'.repeat(32)}`;
  setup.proxy.use(
    faultOn('eth_getTransactionReceipt', {
      kind: 'alter',
      change: (receipt) => ({ ...(receipt as object), blockHash: elsewhere }),
    }),
  );
  expect((await evm.chain.observe(submitted)).map(stateOf)).toEqual(['in block']);
  expect((await evm.chain.observe(submitted)).map(stateOf)).toEqual(['in block']);
  expect((await look(submitted)).states).toEqual(['transferred']);
});

describe('a reorg', () => {
  test('that drops a transaction makes it pending again, and one that brings it back makes it count', async () => {
    const careful = setup.network({ limits: { confirmations: 3 } });
    const submitted = await waiting(1);
    expect((await look(submitted, careful)).states).toEqual(['pending']);
    await setup.anvil.mine();
    expect((await look(submitted, careful)).states).toEqual(['in block']);
    await setup.anvil.rpc('anvil_rollback', [1]);
    expect((await look(submitted, careful)).states).toEqual(['pending']);
    await setup.anvil.mine(2);
    expect((await look(submitted, careful)).states).toEqual(['pending']);
    const [lost] = submitted;
    if (lost === undefined) return expect.fail('one transaction');
    await evm.chain.broadcast({ ...lost, signer: facilitator.address });
    await setup.anvil.mine();
    for (const state of ['in block', 'in block', 'transferred']) {
      expect((await look(submitted, careful)).states).toEqual([state]);
      await setup.anvil.mine();
    }
  });

  test.each([1, 2, 5])('of %i blocks that carries it elsewhere is followed', async (depth) => {
    const careful = setup.network({ limits: { confirmations: 8 } });
    const submitted = await waiting(1);
    await look(submitted, careful);
    await setup.anvil.mine(depth);
    expect((await look(submitted, careful)).states).toEqual(['in block']);
    const [lost] = submitted;
    await setup.anvil.rpc('anvil_reorg', [depth, [[`0x${Buffer.from(lost?.raw ?? []).toString('hex')}`, depth - 1]]]);
    expect((await look(submitted, careful)).states).toEqual(['in block']);
    await setup.anvil.mine(7);
    const [observation] = await careful.chain.observe(submitted);
    const receipt = (await setup.anvil.rpc('eth_getTransactionReceipt', [lost?.id])) as { blockHash: string };
    expect(observation).toMatchObject({ state: 'transferred', effect: { block: { hash: receipt.blockHash } } });
  });
});
