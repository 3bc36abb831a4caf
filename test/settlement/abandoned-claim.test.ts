import { randomBytes, randomUUID } from 'node:crypto';
import { json } from '@tollkeeper/database';
import { createRpcGate, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { bytesToHex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { callSettle } from '../support/caller.js';
import { dateNextBlock, resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { carryOut, createPayer, meddle, type TestPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { evmRequest, settle, settleWithoutOutcome, verify, type WireRequest } from '../support/wire.js';

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
  await abandonClaim(toMerchant);
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
  await abandonClaim(payer.request, { agoMs: 1 });
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
  await abandonClaim(payer.request, { agoMs: 1, claimedInMs: 60_000 });
  await carriedOut(payer);
  expect((await settle(facilitator.url(), payer.request)).body).toMatchObject({
    success: false,
    errorReason: 'invalid_exact_evm_nonce_already_used',
  });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
});

test('an abandoned claim that nobody asks for again leaves no trace', async () => {
  await abandonClaim(await evmRequest({ payTo: facilitator.wallet.evm }));
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

/** Leaves the claim of a payment behind as a process does that dies before it signs, and whose lease has run out since. */
async function abandonClaim(
  request: WireRequest,
  { agoMs = Date.now(), claimedInMs = 0 }: { readonly agoMs?: number; readonly claimedInMs?: number } = {},
): Promise<void> {
  const { sql } = facilitator.database.database;
  const gate = createRpcGate();
  const letPass = facilitator.evmRpc.use(faultOn('eth_call', { kind: 'hold', gate }));
  const caller = await callSettle(facilitator.url(), request);
  await eventually(() => expect(gate.waiting()).toBeGreaterThan(0));
  const [claim] = await sql<{ row: unknown }>`SELECT to_jsonb(payment) AS row FROM payment WHERE state = 'claimed'`;
  caller.hangUp();
  await eventually(async () => expect(await states()).not.toContain('claimed'));
  letPass();
  gate.open();
  const abandoned = {
    ...(claim?.row as object),
    id: randomUUID(),
    lease_holder: randomUUID(),
    lease_until: new Date(Date.now() - agoMs),
    claimed_at: new Date(Date.now() + claimedInMs),
  };
  await sql`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, valid_before, request,
      lease_holder, lease_until, claimed_at, claimed_at_block)
    SELECT id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, valid_before, request,
      lease_holder, lease_until, claimed_at, claimed_at_block
    FROM jsonb_populate_record(NULL::payment, ${json(abandoned)}::jsonb)`;
}

async function states(): Promise<readonly string[]> {
  const rows = await facilitator.database.database.sql<{ state: string }>`SELECT state FROM payment`;
  return rows.map(({ state }) => state);
}
