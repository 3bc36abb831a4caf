import { sandboxKeys } from '@tollkeeper/sandbox';
import { bytesToHex } from 'viem';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bareParitySignature, compactSignature, malleatedSignature } from '../support/evm-signature.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { revertedTransactions, tracesOf, withPayments } from '../support/traces.js';
import {
  evmRequest,
  families,
  freshRequest,
  inVersion1,
  settle,
  verify,
  withPayload,
  type Answered,
  type Family,
  type WireRequest,
} from '../support/wire.js';
import type { SettleAnswer } from '@tollkeeper/protocol';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator();
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
  expect(await revertedTransactions(facilitator.evm)).toEqual([]);
});

/** Settles a payment and expects that it moves money once. */
async function settleOnce(family: Family, request: WireRequest): Promise<Answered<SettleAnswer>> {
  const before = await tracesOf(facilitator, family);
  const first = await settle(facilitator.url(), request);
  expect(first).toMatchObject({ status: 200, body: { success: true } });
  expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
  return first;
}

/** Expects that a repeat is told of the first payment, and that it leaves nothing behind. */
async function expectDuplicate(family: Family, request: WireRequest, first: Answered<SettleAnswer>): Promise<void> {
  const before = await tracesOf(facilitator, family);
  const repeat = await settle(facilitator.url(), request);
  expect(repeat).toMatchObject({
    status: 200,
    body: {
      success: false,
      errorReason: 'duplicate_settlement',
      transaction: first.body.transaction,
      network: request.paymentRequirements['network'],
      extra: { paymentId: first.body.extra?.['paymentId'], paymentState: 'settled' },
    },
  });
  expect(await verify(facilitator.url(), request)).toMatchObject({ body: { isValid: false } });
  expect(await tracesOf(facilitator, family)).toEqual(before);
}

/** Expects that a request is refused for what it is, without a word of the payment that it copies. */
async function expectRefused(family: Family, request: WireRequest, errorReason: string): Promise<void> {
  const before = await tracesOf(facilitator, family);
  expect(await settle(facilitator.url(), request)).toMatchObject({
    status: 200,
    body: { success: false, errorReason, transaction: '' },
  });
  expect(await verify(facilitator.url(), request)).toMatchObject({ body: { isValid: false } });
  expect(await tracesOf(facilitator, family)).toEqual(before);
}

describe.each(families)('the same authorization on %s', (family) => {
  test('again, and again after a restart', async () => {
    const request = await freshRequest(facilitator, family);
    const first = await settleOnce(family, request);
    await expectDuplicate(family, request, first);
    await facilitator.restart();
    await expectDuplicate(family, request, first);
  });

  test('in version 1 after version 2, and the reverse', async () => {
    const request = await freshRequest(facilitator, family);
    await expectDuplicate(family, inVersion1(request), await settleOnce(family, request));
    const other = await freshRequest(facilitator, family);
    await expectDuplicate(family, other, await settleOnce(family, inVersion1(other)));
  });
});

interface EvmPayloadFields {
  readonly signature: string;
  readonly authorization: Readonly<Record<'from' | 'to' | 'nonce' | 'value', string>>;
}

const payloadOf = (request: WireRequest) => request.paymentPayload.payload as unknown as EvmPayloadFields;
const upperHex = (hex: string) => `0x${hex.slice(2).toUpperCase()}`;

/** Other ways to write one EIP-3009 authorization down. */
const spellings: readonly { name: string; respell: (payload: EvmPayloadFields) => EvmPayloadFields }[] = [
  {
    name: 'addresses in lower case',
    respell: ({ signature, authorization: { from, to, ...rest } }) => ({
      signature,
      authorization: { from: from.toLowerCase(), to: to.toLowerCase(), ...rest },
    }),
  },
  {
    name: 'the nonce in upper case',
    respell: ({ signature, authorization: { nonce, ...rest } }) => ({
      signature,
      authorization: { nonce: upperHex(nonce), ...rest },
    }),
  },
  {
    name: 'the signature in upper case',
    respell: ({ signature, authorization }) => ({ signature: upperHex(signature), authorization }),
  },
  {
    name: 'a compact signature (EIP-2098)',
    respell: ({ signature, authorization }) => ({ signature: compactSignature(signature), authorization }),
  },
  {
    name: 'the malleated signature',
    respell: ({ signature, authorization }) => ({ signature: malleatedSignature(signature), authorization }),
  },
  {
    name: 'v as the bare parity',
    respell: ({ signature, authorization }) => ({ signature: bareParitySignature(signature), authorization }),
  },
];

function respelled(request: WireRequest, respell: (payload: EvmPayloadFields) => EvmPayloadFields): WireRequest {
  return withPayload(request, { ...respell(payloadOf(request)) });
}

test.each(spellings)('an EVM authorization that was settled, with $name', async ({ respell }) => {
  const request = await freshRequest(facilitator, 'EVM');
  const first = await settleOnce('EVM', request);
  await expectDuplicate('EVM', respelled(request, respell), first);
});

test.each(spellings)('an EVM authorization first with $name, then as the wallet wrote it', async ({ respell }) => {
  const request = await freshRequest(facilitator, 'EVM');
  const variant = respelled(request, respell);
  const before = await tracesOf(facilitator, 'EVM');

  const first = await settle(facilitator.url(), variant);
  const second = await settle(facilitator.url(), request);

  // Some spellings are refused, because a token does not take them; then they must not stand in the original's way.
  expect([first.body.success, second.body.success].filter(Boolean)).toHaveLength(1);
  expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 1));
});

test('asset and payTo of the requirements in lower case are the same requirements', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const first = await settleOnce('EVM', request);
  const { asset, payTo, ...rest } = request.paymentRequirements as Record<'asset' | 'payTo', string>;
  const requirements = { ...rest, asset: asset.toLowerCase(), payTo: payTo.toLowerCase() };
  await expectDuplicate('EVM', { ...request, paymentRequirements: requirements }, first);
});

test('an EVM nonce that is signed again for other requirements is refused', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  await settleOnce('EVM', request);
  const nonce = payloadOf(request).authorization.nonce as `0x${string}`;
  const { merchant } = sandboxKeys.evm;
  await expectRefused('EVM', await evmRequest({ payTo: merchant.address, nonce }), 'duplicate_settlement');
  const more = await evmRequest({ payTo: facilitator.wallet.evm, value: 20_000n, nonce });
  await expectRefused('EVM', more, 'duplicate_settlement');
});

test('one signature does not fit other requirements', async () => {
  const evm = await freshRequest(facilitator, 'EVM');
  await settleOnce('EVM', evm);
  const cheaper = { ...evm, paymentRequirements: { ...evm.paymentRequirements, amount: '9999' } };
  await expectRefused('EVM', cheaper, 'invalid_exact_evm_payload_authorization_value_mismatch');
  const elsewhere = { ...evm.paymentRequirements, payTo: sandboxKeys.evm.merchant.address };
  await expectRefused('EVM', { ...evm, paymentRequirements: elsewhere }, 'invalid_exact_evm_recipient_mismatch');

  const svm = await freshRequest(facilitator, 'Solana');
  await settleOnce('Solana', svm);
  const dearer = { ...svm, paymentRequirements: { ...svm.paymentRequirements, amount: '10001' } };
  await expectRefused('Solana', dearer, 'invalid_exact_svm_payload_amount_mismatch');
});

const transactionOf = (request: WireRequest) => request.paymentPayload.payload['transaction'] as string;

test('a Solana message with other bytes where our signature goes is the same payment', async () => {
  const request = await freshRequest(facilitator, 'Solana');
  const first = await settleOnce('Solana', request);
  const bytes = Buffer.from(transactionOf(request), 'base64');
  bytes.fill(7, 1, 65);
  await expectDuplicate('Solana', withPayload(request, { transaction: bytes.toString('base64') }), first);
});

/** Other texts that a lenient decoder takes for the same bytes. */
const encodings: readonly { name: string; encode: (base64: string) => string }[] = [
  { name: 'a line break', encode: (base64) => `${base64}\n` },
  { name: 'a space inside', encode: (base64) => `${base64.slice(0, 8)} ${base64.slice(8)}` },
  { name: 'padding that is not needed', encode: (base64) => `${base64}=` },
  { name: 'the letters of base64url', encode: (base64) => Buffer.from(base64, 'base64').toString('base64url') },
  { name: 'hex', encode: (base64) => bytesToHex(Buffer.from(base64, 'base64')) },
];

test.each(encodings)('a Solana transaction that was settled, written with $name, is no transaction', async (each) => {
  const request = await freshRequest(facilitator, 'Solana');
  await settleOnce('Solana', request);
  const copy = withPayload(request, { transaction: each.encode(transactionOf(request)) });
  await expectRefused('Solana', copy, 'invalid_exact_svm_payload_transaction_could_not_be_decoded');
});
