import {
  BASE_SEPOLIA_USDC,
  createRpcGate,
  faultOn,
  MULTICALL3_ADDRESS,
  multicall3Abi,
  sandboxKeys,
} from '@tollkeeper/sandbox';
import { encodeFunctionData, numberToHex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { carryOut, createPayer, meddle, takeBack, type Meddling, type TestPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { transferOf } from '../support/transfer-call.js';
import { evmRequest, settle } from '../support/wire.js';

const stranger = sandboxKeys.evm.stranger.address;
/** Of money that arrives without a payment, the books of our own wallets would not know. */
const elsewhere = sandboxKeys.evm.merchant.address;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  expect(await facilitator.bookProblems()).toEqual([]);
});

const used = { success: false, errorReason: 'invalid_exact_evm_nonce_already_used', transaction: '' };

test('a payment that somebody else carries out between our claim and our verification is settled with that hash', async () => {
  const payer = await createPayer(facilitator.evm, { payTo: facilitator.wallet.evm });
  const before = await tracesOf(facilitator, 'EVM');
  const { answers, carriedOn } = await claimOnly([payer]);
  const theirs = await mined(carryOut(payer, stranger));
  carriedOn();

  expect((await answers[0])?.body).toMatchObject({ success: true, transaction: theirs, amount: '10000' });
  expect((await settle(facilitator.url(), payer.request)).body).toMatchObject({
    success: false,
    errorReason: 'duplicate_settlement',
    transaction: theirs,
  });
  const { broadcasts } = before;
  expect(await tracesOf(facilitator, 'EVM')).toEqual({ ...withPayments(before, 1), broadcasts });
});

test('several that somebody else carries out in one transaction are each settled by their own transfer', async () => {
  const { evm, wallet } = facilitator;
  const payers = await Promise.all([1, 2, 3].map(() => createPayer(evm, { payTo: wallet.evm })));
  const before = await tracesOf(facilitator, 'EVM');
  const { answers, carriedOn } = await claimOnly(payers);
  const calls = payers
    .slice(1)
    .map(({ request }) => ({ target: BASE_SEPOLIA_USDC, allowFailure: false, callData: transferOf(request) }));
  const data = encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args: [calls] });
  const theirs = await evm.rpc('eth_sendTransaction', [{ from: stranger, to: MULTICALL3_ADDRESS, data }]);
  await receiptOf(theirs);
  carriedOn();

  const bodies = (await Promise.all(answers)).map(({ body }) => body);
  expect(bodies.map(({ success }) => success)).toEqual([true, true, true]);
  expect(bodies.map(({ transaction }) => transaction === theirs)).toEqual([false, true, true]);
  expect(await tracesOf(facilitator, 'EVM')).toEqual({
    ...withPayments(before, 3),
    broadcasts: before.broadcasts + 1,
  });
});

test('one that was used before our claim is refused, however often it is presented', async () => {
  const payer = await createPayer(facilitator.evm, { payTo: elsewhere });
  await mined(carryOut(payer, stranger));
  const before = await tracesOf(facilitator, 'EVM');
  for (let times = 0; times < 3; times += 1) {
    expect((await settle(facilitator.url(), payer.request)).body).toMatchObject(used);
    await facilitator.evm.mine();
  }
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
});

test('one that was used in the block that the chain had when we claimed it is refused', async () => {
  const payer = await createPayer(facilitator.evm, { payTo: elsewhere });
  const before = await tracesOf(facilitator, 'EVM');
  const gate = createRpcGate();
  facilitator.evmRpc.use(faultOn('eth_blockNumber', { kind: 'hold', gate }));
  const verification = holdVerification();
  const answer = settle(facilitator.url(), payer.request);
  await eventually(() => expect([gate.waiting(), verification.waiting()]).toEqual([1, 1]));
  await mined(carryOut(payer, stranger));
  gate.open();
  verification.open();

  expect((await answer).body).toMatchObject(used);
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
});

test('one whose height is not known is refused', async () => {
  const payer = await createPayer(facilitator.evm, { payTo: elsewhere });
  facilitator.evmRpc.use(faultOn('eth_blockNumber', { kind: 'error', code: -32_000, message: 'busy' }));
  const verification = holdVerification();
  const answer = settle(facilitator.url(), payer.request);
  await eventually(() => expect(verification.waiting()).toBe(1));
  await mined(carryOut(payer, stranger));
  verification.open();
  expect((await answer).body).toMatchObject(used);
});

test('one that its payer takes back, or uses to pay somebody else, after our claim is refused', async () => {
  const { evm } = facilitator;
  const nonce = numberToHex(7n, { size: 32 });
  const [revoked, diverted] = await Promise.all([
    createPayer(evm, { payTo: elsewhere }),
    createPayer(evm, { payTo: elsewhere, nonce }),
  ]);
  const { privateKey } = diverted;
  const request = await evmRequest({ payTo: sandboxKeys.evm.facilitator2.address, privateKey, nonce });
  const before = await tracesOf(facilitator, 'EVM');
  const { answers, carriedOn } = await claimOnly([revoked, diverted]);
  await mined(await takeBack(revoked));
  await mined(carryOut({ ...diverted, request }, stranger));
  carriedOn();
  for (const { body } of await Promise.all(answers)) expect(body).toMatchObject(used);
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
});

/** Has payments claimed, and keeps them from being verified until it is told to go on. */
async function claimOnly(payers: readonly TestPayer[]) {
  const heights: unknown[] = [];
  const change = (height: unknown) => {
    heights.push(height);
    return height;
  };
  facilitator.evmRpc.use(faultOn('eth_blockNumber', { kind: 'alter', change }));
  const verification = holdVerification();
  const answers: ReturnType<typeof settle>[] = [];
  for (const { request } of payers) {
    answers.push(settle(facilitator.url(), request));
    // Each claim reads the height for itself, because the one before has read it already.
    await eventually(() => expect(heights).toHaveLength(answers.length));
  }
  await eventually(() => expect(verification.waiting()).toBeGreaterThan(0));
  return { answers, carriedOn: () => verification.open() };
}

function holdVerification() {
  const gate = createRpcGate();
  facilitator.evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));
  return gate;
}

async function mined(call: Meddling): Promise<string> {
  const hash = await meddle(facilitator.evm, call);
  await receiptOf(hash);
  return hash;
}

async function receiptOf(hash: unknown): Promise<void> {
  await eventually(async () => {
    expect(await facilitator.evm.rpc('eth_getTransactionReceipt', [hash])).toMatchObject({ status: '0x1' });
  });
}
