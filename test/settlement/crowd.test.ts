import { BASE_SEPOLIA_USDC, createRpcGate, faultOn } from '@tollkeeper/sandbox';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { evmRequest, settle, type WireRequest } from '../support/wire.js';

let facilitator: TestFacilitator;

afterEach(() => facilitator.stop());
afterEach(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('payments whose callers gave up while they waited for their turn cost those behind them nothing', async () => {
  facilitator = await startTestFacilitator({ svm: false, env: () => ({ SETTLE_WAIT_MS: '8000' }) });
  const [last, ...crowd] = await Promise.all(Array.from({ length: 12 }, requestOfNewPayer));
  const before = await tracesOf(facilitator, 'EVM');
  const gate = createRpcGate();
  const letPass = facilitator.evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));

  const givenUp = await Promise.all(crowd.map((request) => settle(facilitator.url(), request)));
  for (const { status, body } of givenUp) expect({ status, ...body }).toMatchObject({ status: 503, transaction: '' });
  letPass();
  gate.open();

  expect((await settle(facilitator.url(), last)).body).toMatchObject({ success: true });
  const { transfers, credited, payments } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
  expect(await facilitator.database.database.sql`SELECT FROM transaction_leg`).toHaveLength(1);
});

test('a claim is kept for as long as it is worked on', async () => {
  // Neither the caller nor the node's client gives up before the lease was renewed.
  const patient = { SETTLE_WAIT_MS: '60000', RPC_TIMEOUT_MS: '60000' };
  facilitator = await startTestFacilitator({ svm: false, env: () => patient });
  const gate = createRpcGate();
  facilitator.evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));
  const answer = settle(facilitator.url(), await requestOfNewPayer());
  await eventually(async () => {
    const rows = await facilitator.database.database.sql`
      SELECT FROM payment WHERE state = 'claimed' AND lease_until > claimed_at + interval '16 seconds'`;
    expect(rows).toHaveLength(1);
  });
  facilitator.evmRpc.reset();
  gate.open();
  expect((await answer).body).toMatchObject({ success: true });
});

async function requestOfNewPayer(): Promise<WireRequest> {
  const privateKey = generatePrivateKey();
  await facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to: privateKeyToAddress(privateKey), amount: 10_000n });
  return evmRequest({ payTo: facilitator.wallet.evm, privateKey });
}
