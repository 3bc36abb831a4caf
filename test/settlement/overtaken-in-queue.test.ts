import { createRpcGate, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { abandonClaim } from '../support/abandon-claim.js';
import { dateNextBlock } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
import { carryOut, createPayer, meddle, type TestPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { settle } from '../support/wire.js';

const { facilitator: signer, merchant, stranger } = sandboxKeys.evm;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false, overrides: { tendMs: 100 } });
});
afterAll(() => facilitator.stop());

test('what a stranger carries out while a claim waits for a process that can sign is settled with that hash', async () => {
  const { answer, theirs } = await overtakeInQueue(facilitator.wallet.evm, async () => {
    const rows = await facilitator.database.database.sql`
      SELECT FROM payment WHERE state = 'claimed' AND claimed_at_block IS NOT NULL`;
    expect(rows).toHaveLength(1);
  });
  expect(answer.body).toMatchObject({ success: true, transaction: theirs });
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ broadcasts: 0, credited: 10_000n, payments: 1 });
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('what a stranger carries out after a claim was handed over, because no signer can pay any more, is settled with that hash', async () => {
  const before = await tracesOf(facilitator, 'EVM');
  const payer = await createPayer(facilitator.evm, { payTo: facilitator.wallet.evm });
  const { answer } = await handOver(payer);
  const theirs = await carryOutAsStranger(payer);
  await fund(10n ** 18n);
  expect((await answer()).body).toMatchObject({ success: true, transaction: theirs });
  const { broadcasts } = before;
  expect(await tracesOf(facilitator, 'EVM')).toEqual({ ...withPayments(before, 1), broadcasts });
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a node that does not tell the height of a claim keeps it from nobody who can sign', async () => {
  const { evm, evmRpc } = facilitator;
  const gate = createRpcGate();
  const letPass = evmRpc.use(faultOn('eth_blockNumber', { kind: 'hold', gate }));
  const { answer } = await handOver(await createPayer(evm, { payTo: merchant.address }));
  await fund(10n ** 18n);
  expect((await answer()).body).toMatchObject({ success: true });
  letPass();
  gate.open();
});

test('where the height of such a claim could not be read, what was used meanwhile is refused', async () => {
  const { evmRpc, database } = facilitator;
  const before = await tracesOf(facilitator, 'EVM');
  const heights = evmRpc.calls('eth_blockNumber');
  const letPass = evmRpc.use(faultOn('eth_blockNumber', { kind: 'error', code: -32_000, message: 'busy' }));
  const { answer } = await overtakeInQueue(merchant.address, async () => {
    expect(await database.database.sql`SELECT FROM payment WHERE state = 'claimed'`).toHaveLength(1);
    expect(evmRpc.calls('eth_blockNumber')).toBeGreaterThan(heights);
  }).finally(letPass);
  expect(answer.body).toMatchObject({ success: false, errorReason: 'invalid_exact_evm_nonce_already_used' });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
});

test('what a stranger carries out after the claim of a process that died is settled with that hash, though nobody could sign when its caller came back', async () => {
  const { evm, wallet, evmRpc } = facilitator;
  const before = await tracesOf(facilitator, 'EVM');
  const payer = await createPayer(evm, { payTo: wallet.evm });
  await abandonClaim(facilitator, payer.request, { agoMs: 1 });
  await signNothing();
  const theirs = await carryOutAsStranger(payer);
  const heights = evmRpc.calls('eth_blockNumber');
  const answer = settle(facilitator.url(), payer.request);
  await eventually(async () => expect(await countQueued()).toBe(1));
  // The chain's height now is no height of the claim, whoever notes it.
  await eventually(() => expect(evmRpc.calls('eth_blockNumber')).toBeGreaterThan(heights));
  await fund(10n ** 18n);
  expect((await answer).body).toMatchObject({ success: true, transaction: theirs });
  const { broadcasts } = before;
  expect(await tracesOf(facilitator, 'EVM')).toEqual({ ...withPayments(before, 1), broadcasts });
  expect(await facilitator.bookProblems()).toEqual([]);
});

/** No signer has money while a payment is claimed and a stranger carries it out. */
async function overtakeInQueue(payTo: string, isClaimed: () => Promise<void>) {
  await signNothing();
  const payer = await createPayer(facilitator.evm, { payTo });
  const answer = settle(facilitator.url(), payer.request);
  await eventually(isClaimed);
  const theirs = await carryOutAsStranger(payer);
  await fund(10n ** 18n);
  return { answer: await answer, theirs };
}

/** Claims and verifies a payment while the signer gets poor. */
async function handOver({ request }: TestPayer) {
  const gate = createRpcGate();
  const letPass = facilitator.evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));
  const answer = settle(facilitator.url(), request);
  await eventually(() => expect(gate.waiting()).toBe(1));
  await signNothing();
  letPass();
  gate.open();
  await eventually(async () => expect(await countQueued()).toBe(1));
  return { answer: () => answer };
}

async function signNothing(): Promise<void> {
  await fund(1n);
  await eventually(async () => expect(await signersShort()).toBe(1));
}

/** In a block, whose clock is not behind ours. */
async function carryOutAsStranger(payer: TestPayer): Promise<string> {
  const { evm } = facilitator;
  await dateNextBlock(evm);
  const theirs = await meddle(evm, carryOut(payer, stranger.address));
  await eventually(async () => expect(await evm.rpc('eth_getTransactionReceipt', [theirs])).not.toBeNull());
  return theirs;
}

async function countQueued(): Promise<number> {
  const { sql } = facilitator.database.database;
  return (await sql`SELECT FROM payment WHERE state = 'claimed' AND lease_holder IS NULL`).length;
}

async function fund(wei: bigint): Promise<void> {
  await facilitator.evm.rpc('anvil_setBalance', [signer.address, numberToHex(wei)]);
}

const signersShort = () => metricOf(facilitator.url(), 'tollkeeper_signers_short_of_funds');
