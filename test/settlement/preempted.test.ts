import {
  BASE_SEPOLIA_USDC,
  createRpcGate,
  faultOn,
  MULTICALL3_ADDRESS,
  multicall3Abi,
  sandboxKeys,
} from '@tollkeeper/sandbox';
import { encodeFunctionData, numberToHex, type Hex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { createPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { transferOf } from '../support/transfer-call.js';
import { evmRequest, freshRequest, settle } from '../support/wire.js';

const stranger = sandboxKeys.evm.stranger.address;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a payment that somebody else carries out after our claim is settled with that transaction', async () => {
  const request = await evmRequest({ payTo: facilitator.wallet.evm });
  const before = await tracesOf(facilitator, 'EVM');
  const sending = holdOurTransactions();
  const answer = settle(facilitator.url(), request);
  await sending.reached(1);

  const theirs = await sendAsStranger({ to: BASE_SEPOLIA_USDC, data: transferOf(request) });
  sending.letGo();

  expect((await answer).body).toMatchObject({ success: true, transaction: theirs, amount: '10000' });
  expect((await settle(facilitator.url(), request)).body).toMatchObject({
    success: false,
    errorReason: 'duplicate_settlement',
    transaction: theirs,
  });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 1));
});

test('a stranger’s transaction that the node does not show yet is no failure of the payment', async () => {
  const request = await evmRequest({ payTo: facilitator.wallet.evm });
  const sending = holdOurTransactions();
  const answer = settle(facilitator.url(), request);
  await sending.reached(1);
  const theirs = await sendAsStranger({ to: BASE_SEPOLIA_USDC, data: transferOf(request) });
  let asked = 0;
  const show = facilitator.evmRpc.use(({ method, params }) => {
    if (method !== 'eth_getTransactionReceipt' || (params as readonly unknown[])[0] !== theirs) return undefined;
    asked += 1;
    return { kind: 'result', result: null };
  });
  sending.letGo();
  await eventually(() => expect(asked).toBeGreaterThan(2));
  show();

  expect((await answer).body).toMatchObject({ success: true, transaction: theirs });
});

test('a stranger’s transfer whose log a node that is behind does not have yet is no failure of the payment', async () => {
  const request = await evmRequest({ payTo: facilitator.wallet.evm });
  const sending = holdOurTransactions();
  const answer = settle(facilitator.url(), request);
  await sending.reached(1);
  const theirs = await sendAsStranger({ to: BASE_SEPOLIA_USDC, data: transferOf(request) });
  const catchUp = facilitator.evmRpc.use(faultOn('eth_getLogs', { kind: 'result', result: [] }));
  sending.letGo();
  await eventually(() => expect(facilitator.evmRpc.calls('eth_getLogs')).toBeGreaterThan(2));
  catchUp();

  expect((await answer).body).toMatchObject({ success: true, transaction: theirs });
});

test('a stranger’s transfer that the node does not look for holds up no other payment', async () => {
  const { request } = await createPayer(facilitator.evm, { payTo: facilitator.wallet.evm });
  const sending = holdOurTransactions();
  const answer = settle(facilitator.url(), request);
  await sending.reached(1);
  const theirs = await sendAsStranger({ to: BASE_SEPOLIA_USDC, data: transferOf(request) });
  const gate = createRpcGate();
  facilitator.evmRpc.use(faultOn('eth_getLogs', { kind: 'hold', gate }));
  sending.letGo();
  await eventually(() => expect(gate.waiting()).toBe(1));

  for (let count = 0; count < 3; count += 1) {
    const { body } = await settle(facilitator.url(), await freshRequest(facilitator, 'EVM'));
    expect(body).toMatchObject({ success: true });
  }
  expect(gate.waiting()).toBe(1);
  gate.open();
  expect((await answer).body).toMatchObject({ success: true, transaction: theirs });
});

test('two equal payments that somebody else carries out in one transaction are two payments', async () => {
  const before = await tracesOf(facilitator, 'EVM');
  const { evm, wallet } = facilitator;
  const requests = [await evmRequest({ payTo: wallet.evm }), await evmRequest({ payTo: wallet.evm })];
  await stopTime(facilitator, 'EVM');
  const answers = requests.map((request) => settle(facilitator.url(), request));
  await eventually(() => expect(facilitator.evmRpc.transactions()).toBe(2));
  const calls = requests.map((request) => ({
    target: BASE_SEPOLIA_USDC,
    allowFailure: false,
    callData: transferOf(request),
  }));
  const data = encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args: [calls] });
  // A higher fee puts it before ours in the block.
  const fee = numberToHex(100_000_000_000n);
  const theirs = await evm.rpc('eth_sendTransaction', [
    { from: stranger, to: MULTICALL3_ADDRESS, data, maxFeePerGas: fee, maxPriorityFeePerGas: fee },
  ]);
  await resumeTime(facilitator, 'EVM');

  for (const { body } of await Promise.all(answers)) expect(body).toMatchObject({ success: true, transaction: theirs });
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({
    credited: before.credited + 20_000n,
    payments: before.payments + 2,
  });
});

/** Keeps what we send from the node until it is let go. */
function holdOurTransactions() {
  const gate = createRpcGate();
  facilitator.evmRpc.use(faultOn('eth_sendRawTransaction', { kind: 'hold', gate }));
  return {
    reached: (count: number) => eventually(() => expect(gate.waiting()).toBe(count)),
    letGo: () => gate.open(),
  };
}

async function sendAsStranger(call: { to: Hex; data: Hex }): Promise<string> {
  const { evm } = facilitator;
  const hash = await evm.rpc('eth_sendTransaction', [{ from: stranger, ...call }]);
  await eventually(async () => {
    expect(await evm.rpc('eth_getTransactionReceipt', [hash])).toMatchObject({ status: '0x1' });
  });
  return String(hash);
}
