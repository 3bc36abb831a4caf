import { BASE_SEPOLIA_USDC, createRpcGate, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { carryOut, createPayer, type TestPayer } from '../support/payer.js';
import {
  startTestFacilitator,
  type TestFacilitator,
  type TestFacilitatorOptions,
} from '../support/test-facilitator.js';
import { tracesOf } from '../support/traces.js';
import { settle } from '../support/wire.js';

const stranger = sandboxKeys.evm.stranger.address;

/** A stranger counts only while the caller waits, so that a busy machine needs a patient one. */
const deep = { SETTLE_WAIT_MS: '5000', EVM_CONFIRMATIONS: '3' };

let facilitator: TestFacilitator;
afterEach(() => facilitator.stop());

test('a stranger’s transaction counts when it is deep enough, and until then its hash is told', async () => {
  const { payer, answer, theirs } = await overtake({ env: () => deep });
  expect((await answer).body).toMatchObject({
    success: false,
    errorReason: 'settlement_pending',
    transaction: theirs,
  });
  // It is looked for again and again.
  await eventually(() => expect(facilitator.evmRpc.calls('eth_getLogs')).toBeGreaterThan(2));
  expect(await stateOf(payer)).toBe('submitted');
  await facilitator.evm.mine(2);
  await answered(payer, { success: true, transaction: theirs });
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ broadcasts: 0, credited: 10_000n, payments: 1 });
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a stranger’s transaction that a reorg drops before it counts leaves the payment to us', async () => {
  const { payer, answer, theirs } = await overtake({ env: () => deep });
  expect((await answer).body).toMatchObject({ errorReason: 'settlement_pending', transaction: theirs });
  await facilitator.evm.rpc('anvil_reorg', [1, []]);
  await eventually(() => expect(facilitator.evmRpc.transactions()).toBe(1));
  await facilitator.evm.mine(3);
  const { transaction } = await answered(payer, { success: true });
  expect(transaction).not.toBe(theirs);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ broadcasts: 1, credited: 10_000n, payments: 1 });
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a stranger’s transaction that could not be booked at once is booked by whoever looks next', async () => {
  let failures = 1;
  const checkpoint = (at: string) => {
    if (at === 'observed' && failures-- > 0) throw new Error('the process dies here');
  };
  const { answer, theirs } = await overtake({ overrides: { checkpoint } });
  expect((await answer).body).toMatchObject({ success: true, transaction: theirs });
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ broadcasts: 0, credited: 10_000n, payments: 1 });
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a use in a block that is older than the claim by its clock is refused, whatever height a node that is behind tells', async () => {
  const earlier = Math.floor(Date.now() / 1_000) - 60;
  const evm = { flags: ['--timestamp', String(earlier)] };
  const { answer } = await overtake({ evm, payTo: sandboxKeys.evm.merchant.address });
  expect((await answer).body).toMatchObject({
    success: false,
    errorReason: 'invalid_exact_evm_nonce_already_used',
    transaction: '',
  });
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ broadcasts: 0, payments: 0 });
});

/** Starts a facilitator, and carries a payment out between its claim and its verification. */
async function overtake({ payTo, ...options }: TestFacilitatorOptions & { readonly payTo?: string }) {
  facilitator = await startTestFacilitator({ svm: false, ...options });
  const { evm, evmRpc, wallet } = facilitator;
  const payer = await createPayer(evm, { payTo: payTo ?? wallet.evm });
  let height: unknown;
  const change = (result: unknown) => (height = result);
  const letHeightBe = evmRpc.use(faultOn('eth_blockNumber', { kind: 'alter', change }));
  const gate = createRpcGate();
  evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));
  const answer = settle(facilitator.url(), payer.request);
  await eventually(() => expect([gate.waiting(), height]).toEqual([1, expect.any(String)]));
  letHeightBe();
  const theirs = await evm.rpc('eth_sendTransaction', [{ to: BASE_SEPOLIA_USDC, ...carryOut(payer, stranger) }]);
  await eventually(async () => expect(await evm.rpc('eth_getTransactionReceipt', [theirs])).not.toBeNull());
  gate.open();
  return { payer, answer, theirs };
}

async function answered({ request }: TestPayer, body: object) {
  return eventually(async () => {
    const answer = await settle(facilitator.url(), request);
    expect(answer.body).toMatchObject(body);
    return answer.body;
  });
}

async function stateOf({ address }: TestPayer): Promise<string | undefined> {
  const [row] = await facilitator.database.database.sql<{ state: string }>`
    SELECT state FROM payment WHERE payer = ${address}`;
  return row?.state;
}
