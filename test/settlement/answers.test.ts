import { Keypair } from '@solana/web3.js';
import type { SettleAnswer } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, createRpcGate, faultOn, testUsdcAbi } from '@tollkeeper/sandbox';
import type { Checkpoint } from '@tollkeeper/facilitator';
import { encodeFunctionData, type Address } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { callSettle } from '../support/caller.js';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { devnetUsdc, startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { evmRequest, families, freshRequest, settle, svmRequest, verify, type Family } from '../support/wire.js';

/** A token that says yes and moves nothing. */
const silentToken = '0x5113e77000000000000000000000000000000001';

let facilitator: TestFacilitator;
let onCheckpoint: (checkpoint: Checkpoint) => void = () => undefined;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    env: () => ({ EVM_ASSETS: silentToken }),
    overrides: { checkpoint: (checkpoint) => onCheckpoint(checkpoint) },
  });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  onCheckpoint = () => undefined;
  facilitator.evmRpc.reset();
  facilitator.svmRpc.reset();
  expect(await facilitator.bookProblems()).toEqual([]);
});

const broadcastsOf = (family: Family) => (family === 'EVM' ? facilitator.evmRpc : facilitator.svmRpc).transactions();

const untilBroadcast = (family: Family) => eventually(() => expect(broadcastsOf(family)).toBe(1));

async function report(id: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${facilitator.url()}/payments/${String(id)}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe.each(families)('on %s', (family) => {
  test('a payment that is being settled for one caller cannot be verified for another', async () => {
    const request = await freshRequest(facilitator, family);
    await stopTime(facilitator, family);
    const answer = settle(facilitator.url(), request);
    await untilBroadcast(family);

    expect((await verify(facilitator.url(), request)).body).toMatchObject({
      isValid: false,
      invalidReason: 'duplicate_settlement',
    });
    await resumeTime(facilitator, family);
    expect((await answer).body).toMatchObject({ success: true });
  });

  test('a caller who hangs up while it waits leaves the success to the next one', async () => {
    const request = await freshRequest(facilitator, family);
    const before = await tracesOf(facilitator, family);
    await stopTime(facilitator, family);
    const caller = await callSettle(facilitator.url(), request);
    await untilBroadcast(family);
    caller.hangUp();
    await eventually(async () => {
      expect((await verify(facilitator.url(), request)).body).toMatchObject({ isValid: true });
    });
    await resumeTime(facilitator, family);

    await expectOneSuccess(request);
    expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
  });

  test('a caller who hangs up before the answer was flushed leaves the success to the next one', async () => {
    const request = await freshRequest(facilitator, family);
    const before = await tracesOf(facilitator, family);
    const caller = await callSettle(facilitator.url(), request);
    const gone = new Promise<void>((resolve) => {
      onCheckpoint = (checkpoint) => {
        if (checkpoint !== 'observed') return;
        caller.hangUp();
        resolve();
      };
    });
    await gone;
    onCheckpoint = () => undefined;

    await expectOneSuccess(request);
    expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
  });

  test('a caller who hangs up while a success waits behind another answer on its connection leaves it to the next one', async () => {
    const otherFamily = family === 'EVM' ? 'Solana' : 'EVM';
    const [slow, request] = [await freshRequest(facilitator, otherFamily), await freshRequest(facilitator, family)];
    await stopTime(facilitator, otherFamily);
    const caller = await callSettle(facilitator.url(), slow, request);
    await eventually(async () => {
      const { sql } = facilitator.database.database;
      const waiting = await sql`SELECT FROM payment WHERE delivery_lease_until IS NOT NULL AND delivered_at IS NULL`;
      expect(waiting).toHaveLength(1);
    });
    caller.hangUp();

    await expectOneSuccess(request);
    await resumeTime(facilitator, otherFamily);
    await expectOneSuccess(slow);
  });

  test('a caller who hangs up before anything is signed leaves the payment to the next one', async () => {
    const request = await freshRequest(facilitator, family);
    const before = await tracesOf(facilitator, family);
    const caller = await callSettle(facilitator.url(), request);
    await new Promise<void>((resolve) => {
      onCheckpoint = (checkpoint) => {
        if (checkpoint !== 'claimed') return;
        caller.hangUp();
        resolve();
      };
    });
    onCheckpoint = () => undefined;

    await expectOneSuccess(request);
    expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
  });

  test('the report of a payment shows what was sent and what proves it', async () => {
    const { body } = await settle(facilitator.url(), await freshRequest(facilitator, family));
    const id = body.extra?.['paymentId'];
    expect(await report(id)).toMatchObject({
      status: 200,
      body: {
        id,
        state: 'settled',
        paymentState: 'settled',
        network: body.network,
        amount: '10000',
        payer: body.payer,
        transaction: body.transaction,
        failure: null,
        attempts: [{ transaction: body.transaction }],
        evidence: { transaction: body.transaction, credited: true },
      },
    });
    // What it cost and that the answer arrived are written behind the answer.
    await eventually(async () => {
      const shown = (await report(id)).body;
      expect(shown['attempts']).toMatchObject([{ feePaid: expect.stringMatching(/^[1-9]\d*$/) as string }]);
      expect(shown['answerDeliveredAt']).not.toBeNull();
    });
  });
});

/** Asks twice: the success is still to be had, once. */
async function expectOneSuccess(request: unknown): Promise<void> {
  const first = await settle(facilitator.url(), request);
  expect(first.body).toMatchObject({ success: true });
  const second = await settle(facilitator.url(), request);
  expect(second.body).toMatchObject({
    success: false,
    errorReason: 'duplicate_settlement',
    transaction: first.body.transaction,
  });
}

test('a payment that nobody knows, and an id that is none, are not found', async () => {
  for (const id of ['00000000-0000-7000-8000-000000000000', 'x', "1' OR '1'='1", '%00', 'a'.repeat(90)]) {
    expect(await report(id)).toMatchObject({ status: 404, body: { code: 'PAYMENT_NOT_FOUND' } });
  }
});

describe('a refusal before anything is signed leaves no trace, and the authorization stays good', () => {
  test('on EVM', async () => {
    const privateKey = generatePrivateKey();
    const request = await evmRequest({ payTo: facilitator.wallet.evm, privateKey });
    const before = await tracesOf(facilitator, 'EVM');
    const refused = await settle(facilitator.url(), request);
    expect(refused.body).toMatchObject({
      success: false,
      errorReason: 'invalid_exact_evm_insufficient_balance',
      transaction: '',
    });
    expect(await tracesOf(facilitator, 'EVM')).toEqual(before);

    const to = privateKeyToAddress(privateKey);
    await facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to, amount: 10_000n });
    expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
    expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 1));
  });

  test('on Solana', async () => {
    const payer = Keypair.generate();
    const owner = payer.publicKey.toBase58();
    const request = await svmRequest(facilitator.svm, { payTo: facilitator.wallet.svm, payer });
    const before = await tracesOf(facilitator, 'Solana');
    const refused = await settle(facilitator.url(), request);
    expect(refused.body).toMatchObject({
      success: false,
      errorReason: 'invalid_exact_svm_transaction_simulation_failed',
      transaction: '',
    });
    expect(await tracesOf(facilitator, 'Solana')).toEqual(before);

    facilitator.svm.fundToken({ mint: devnetUsdc, owner, amount: 10_000n });
    expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
    expect(await tracesOf(facilitator, 'Solana')).toEqual(withPayments(before, 1));
  });
});

/** Moves tokens as their owner, without the facilitator. */
async function spend(from: Address, amount: bigint): Promise<void> {
  const { evm } = facilitator;
  const data = encodeFunctionData({ abi: testUsdcAbi, functionName: 'transfer', args: [silentToken, amount] });
  await evm.fundEth(from, 10n ** 18n);
  await evm.rpc('anvil_impersonateAccount', [from]);
  const hash = await evm.rpc('eth_sendTransaction', [{ from, to: BASE_SEPOLIA_USDC, data }]);
  await eventually(async () => {
    expect(await evm.rpc('eth_getTransactionReceipt', [hash])).toMatchObject({ status: '0x1' });
  });
}

test('money that is gone when the transaction is mined makes a failed payment, told alike every time', async () => {
  const privateKey = generatePrivateKey();
  const payer = privateKeyToAddress(privateKey);
  await facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to: payer, amount: 10_000n });
  const request = await evmRequest({ payTo: facilitator.wallet.evm, privateKey });
  const before = await tracesOf(facilitator, 'EVM');
  const gate = createRpcGate();
  facilitator.evmRpc.use(faultOn('eth_sendRawTransaction', { kind: 'hold', gate }));

  const answer = settle(facilitator.url(), request);
  await eventually(() => expect(gate.waiting()).toBe(1));
  await spend(payer, 10_000n);
  gate.open();

  const { body } = await answer;
  await expectFailure(body, 'invalid_exact_evm_transaction_failed');
  expect((await settle(facilitator.url(), request)).body).toEqual(body);
  expect((await verify(facilitator.url(), request)).body).toMatchObject({
    isValid: false,
    invalidReason: 'invalid_exact_evm_transaction_failed',
  });
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({
    broadcasts: before.broadcasts + 1,
    transfers: before.transfers,
    credited: before.credited,
  });
});

test('a token that says yes and moves nothing makes a failed payment', async () => {
  const kind = { kind: 'silent', name: 'Silent', symbol: 'HUSH', version: '1', decimals: 6 } as const;
  const token = await facilitator.evm.deployToken({ address: silentToken, ...kind });
  const privateKey = generatePrivateKey();
  await facilitator.evm.mint({ token, to: privateKeyToAddress(privateKey), amount: 10_000n });
  const before = await tracesOf(facilitator, 'EVM');
  const offer = { payTo: facilitator.wallet.evm, privateKey, token, name: kind.name, version: kind.version };
  const request = await evmRequest(offer);

  const { body } = await settle(facilitator.url(), request);

  await expectFailure(body, 'invalid_exact_evm_transfer_event_mismatch');
  expect((await settle(facilitator.url(), request)).body).toEqual(body);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({
    broadcasts: before.broadcasts + 1,
    credited: before.credited,
  });
});

async function expectFailure(answer: SettleAnswer, errorReason: string): Promise<void> {
  expect(answer).toMatchObject({
    success: false,
    errorReason,
    transaction: expect.stringMatching(/^0x[0-9a-f]{64}$/) as string,
    extra: { paymentState: 'unused' },
  });
  expect(await report(answer.extra?.['paymentId'])).toMatchObject({
    status: 200,
    body: { state: 'failed', failure: { reason: errorReason }, evidence: null },
  });
}
