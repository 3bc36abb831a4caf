import { randomBytes } from 'node:crypto';
import { sandboxKeys } from '@tollkeeper/sandbox';
import { bytesToHex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { abandonClaim } from '../support/abandon-claim.js';
import { dateNextBlock, resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { carryOut, createPayer, meddle, type TestPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { evmRequest, settle, settleWithoutOutcome, verify } from '../support/wire.js';

const stranger = sandboxKeys.evm.stranger.address;

let facilitator: TestFacilitator;

beforeAll(async () => {
  // Long enough for a busy machine to look at a claim before its caller gives it up.
  facilitator = await startTestFacilitator({ svm: false, env: () => ({ SETTLE_WAIT_MS: '5000' }) });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('an abandoned claim does not lend its requirements to another use of the same nonce', async () => {
  const nonce = bytesToHex(randomBytes(32));
  const toMerchant = await evmRequest({ payTo: facilitator.wallet.evm, nonce });
  const toStranger = await evmRequest({ payTo: sandboxKeys.evm.stranger.address, nonce });
  await abandonClaim(facilitator, toMerchant);
  expect((await verify(facilitator.url(), toStranger)).body).toMatchObject({ isValid: true });

  await stopTime(facilitator, 'EVM');
  const { body } = await settleWithoutOutcome(facilitator.url(), toStranger);
  expect(body).toMatchObject({ errorReason: 'settlement_pending' });
  await resumeTime(facilitator, 'EVM');

  await eventually(async () => expect(await states()).toEqual(['settled']));
  expect((await verify(facilitator.url(), toMerchant)).body).toMatchObject({ isValid: false });
  expect((await settle(facilitator.url(), toMerchant)).body).toMatchObject({
    success: false,
    errorReason: 'duplicate_settlement',
  });
  expect((await settle(facilitator.url(), toStranger)).body).toMatchObject({ success: true });
});

test('what a stranger carried out after a claim whose process died is settled by that, when its caller comes back', async () => {
  const payer = await createPayer(facilitator.evm, { payTo: facilitator.wallet.evm });
  const before = await tracesOf(facilitator, 'EVM');
  await abandonClaim(facilitator, payer.request, { agoMs: 1 });
  const theirs = await carriedOut(payer);
  const answers = await Promise.all([1, 2].map(() => settle(facilitator.url(), payer.request)));
  expect(answers.filter(({ body }) => body.success)).toMatchObject([{ body: { transaction: theirs } }]);
  expect((await settle(facilitator.url(), payer.request)).body).toMatchObject({ errorReason: 'duplicate_settlement' });
  const { broadcasts } = before;
  expect(await tracesOf(facilitator, 'EVM')).toEqual({ ...withPayments(before, 1), broadcasts });
});

test('what was carried out before such a claim is refused', async () => {
  const payer = await createPayer(facilitator.evm, { payTo: sandboxKeys.evm.merchant.address });
  const before = await tracesOf(facilitator, 'EVM');
  // By less than a block's clock may be behind ours.
  await abandonClaim(facilitator, payer.request, { agoMs: 1, claimedInMs: 10_000 });
  await carriedOut(payer);
  expect((await settle(facilitator.url(), payer.request)).body).toMatchObject({
    success: false,
    errorReason: 'invalid_exact_evm_nonce_already_used',
  });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
});

test('an abandoned claim that nobody asks for again leaves no trace', async () => {
  await abandonClaim(facilitator, await evmRequest({ payTo: facilitator.wallet.evm }));
  await eventually(async () => expect(await states()).not.toContain('claimed'));
});

/** A stranger carries a payment out, in a block. */
async function carriedOut(payer: TestPayer): Promise<string> {
  await dateNextBlock(facilitator.evm);
  const theirs = await meddle(facilitator.evm, carryOut(payer, stranger));
  await eventually(async () => {
    expect(await facilitator.evm.rpc('eth_getTransactionReceipt', [theirs])).toMatchObject({ status: '0x1' });
  });
  return theirs;
}

async function states(): Promise<readonly string[]> {
  const rows = await facilitator.database.database.sql<{ state: string }>`SELECT state FROM payment`;
  return rows.map(({ state }) => state);
}
