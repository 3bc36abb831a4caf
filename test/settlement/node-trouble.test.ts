import { faultOn } from '@tollkeeper/sandbox';
import type { RpcTransactionReceipt } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { settleTogether } from '../support/gather.js';
import { createPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { freshRequest, settle } from '../support/wire.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    env: () => ({ RPC_TIMEOUT_MS: '3000', RPC_COOLDOWN_MS: '100' }),
    overrides: { tendMs: 200 },
  });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  await resumeTime(facilitator, 'EVM');
  await eventually(async () => expect(await openPayments()).toBe(0));
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a node that takes a shared transaction and answers nothing in time has taken it', async () => {
  const requests = await requestsOfNewPayers(4);
  const before = await tracesOf(facilitator, 'EVM');
  facilitator.evmRpc.use(faultOn('eth_sendRawTransaction', { kind: 'lose-reply', afterMs: 6_000 }));
  const answers = await Promise.all(await settleTogether(facilitator, requests));
  expect(answers.map(({ body }) => body.success)).toEqual(requests.map(() => true));
  const { transfers, credited, payments } = withPayments(before, 4);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

test.each(['nonce too low', 'already known', 'replacement transaction underpriced'])(
  'a node that says "%s" to a shared transaction that it has not taken is not believed',
  async (message) => {
    const requests = await requestsOfNewPayers(4);
    const before = await tracesOf(facilitator, 'EVM');
    let lies = 0;
    facilitator.evmRpc.use(({ method }) => {
      if (method !== 'eth_sendRawTransaction' || lies === 2) return undefined;
      lies += 1;
      return { kind: 'error', code: -32_000, message };
    });
    const answers = await Promise.all(await settleTogether(facilitator, requests));
    expect(answers.map(({ body }) => body.success)).toEqual(requests.map(() => true));
    expect(lies).toBe(2);
    const { transfers, credited, payments } = withPayments(before, 4);
    expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
  },
);

test('a transaction that the pool has dropped is sent again', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const before = await tracesOf(facilitator, 'EVM');
  await stopTime(facilitator, 'EVM');
  const answer = settle(facilitator.url(), request);
  await eventually(() => expect(facilitator.evmRpc.transactions()).toBe(before.broadcasts + 1));
  const dropped = await eventually(async () => {
    const { pending } = (await facilitator.evm.rpc('txpool_content')) as {
      pending: Record<string, Record<string, { hash: string }>>;
    };
    const [hash] = Object.values(pending).flatMap((ofSender) => Object.values(ofSender).map((sent) => sent.hash));
    if (hash === undefined) expect.fail('nothing waits');
    return hash;
  });
  await facilitator.evm.rpc('anvil_dropTransaction', [dropped]);
  await resumeTime(facilitator, 'EVM');
  expect((await answer).body).toMatchObject({ success: true, transaction: dropped });
  const { transfers, credited, payments } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

test('a node that goes away with payments at every step is waited for, and nothing is done twice', async () => {
  const [known, ...requests] = await requestsOfNewPayers(6);
  const before = await tracesOf(facilitator, 'EVM');
  await stopTime(facilitator, 'EVM');
  const sent = settle(facilitator.url(), known);
  await eventually(() => expect(facilitator.evmRpc.transactions()).toBe(before.broadcasts + 1));
  const nodeIsBack = facilitator.evmRpc.use(() => ({ kind: 'drop' }));
  await resumeTime(facilitator, 'EVM');
  const refused = await Promise.all(requests.map((request) => settle(facilitator.url(), request)));
  for (const { status, body } of refused) expect({ status, ...body }).toMatchObject({ status: 503, transaction: '' });
  // Longer than any call waits, and long enough to be left alone.
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  nodeIsBack();
  expect((await sent).body).toMatchObject({ success: true });
  await eventually(async () => expect((await fetch(`${facilitator.url()}/ready`)).status).toBe(200));
  const answers = await Promise.all(requests.map((request) => settle(facilitator.url(), request)));
  expect(answers.map(({ body }) => body.success)).toEqual(requests.map(() => true));
  const { transfers, credited, payments } = withPayments(before, 6);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

test('a node that shows an old head for a while delays the answers and changes nothing else', async () => {
  const requests = await requestsOfNewPayers(3);
  const before = await tracesOf(facilitator, 'EVM');
  const old = await facilitator.evm.rpc('eth_getBlockByNumber', ['latest', false]);
  const catchesUp = facilitator.evmRpc.use(({ method, params }) => {
    if (method === 'eth_getTransactionReceipt' || method === 'eth_getBlockReceipts')
      return { kind: 'result', result: null };
    const isHead = method === 'eth_getBlockByNumber' && (params as readonly unknown[])[0] === 'latest';
    return isHead ? { kind: 'result', result: old } : undefined;
  });
  const answers = await settleTogether(facilitator, requests);
  await eventually(async () => expect((await tracesOf(facilitator, 'EVM')).transfers).toBe(before.transfers + 3));
  expect(await openPayments()).toBe(3);
  catchesUp();
  for (const { body } of await Promise.all(answers)) expect(body).toMatchObject({ success: true });
  const { transfers, credited, payments } = withPayments(before, 3);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

test('a receipt of a block that the chain does not have is no evidence', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const before = await tracesOf(facilitator, 'EVM');
  const noReceipts = facilitator.evmRpc.use(faultOn('eth_getTransactionReceipt', { kind: 'result', result: null }));
  await stopTime(facilitator, 'EVM');
  const answer = settle(facilitator.url(), request);
  const asked = facilitator.evmRpc.calls('eth_getTransactionReceipt');
  await eventually(() => expect(facilitator.evmRpc.calls('eth_getTransactionReceipt')).toBeGreaterThan(asked));
  await resumeTime(facilitator, 'EVM');
  await eventually(async () => expect((await tracesOf(facilitator, 'EVM')).transfers).toBe(before.transfers + 1));
  const [sent] = await facilitator.database.database.sql<{ id: string }>`
    SELECT transaction AS id FROM payment WHERE state = 'submitted'`;
  const receipt = (await facilitator.evm.rpc('eth_getTransactionReceipt', [sent?.id])) as RpcTransactionReceipt;
  const elsewhere = { ...receipt, blockHash: `0x${'ab'.repeat(32)}` };
  let shown = 0;
  noReceipts();
  const truthAgain = facilitator.evmRpc.use(({ method }) => {
    if (method !== 'eth_getTransactionReceipt') return undefined;
    shown += 1;
    return { kind: 'result', result: elsewhere };
  });
  await eventually(() => expect(shown).toBeGreaterThan(3));
  expect(await openPayments()).toBe(1);
  truthAgain();
  const { body } = await answer;
  expect(body).toMatchObject({ success: true, transaction: receipt.transactionHash });
  const [effect] = await facilitator.database.database.sql<{ hash: string }>`
    SELECT block_hash AS hash FROM effect WHERE transaction = ${body.transaction}`;
  expect(effect?.hash).toBe(receipt.blockHash);
});

async function requestsOfNewPayers(count: number) {
  const { evm, wallet } = facilitator;
  const payers = await Promise.all(Array.from({ length: count }, () => createPayer(evm, { payTo: wallet.evm })));
  return payers.map(({ request }) => request);
}

async function openPayments(): Promise<number> {
  return (await facilitator.database.database.sql`SELECT FROM payment WHERE state NOT IN ('settled', 'failed')`).length;
}
