import { amount, baseSepolia, type Clock, network, type Payment } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { offeredPayment, type TransferOffer } from '../../../../test/support/evm-payment.js';
import {
  bareParitySignature,
  compactSignature,
  counterfactualSignature,
  malleatedSignature,
} from '../../../../test/support/evm-signature.js';
import { createEvmNetwork } from '../index.js';

const { buyer, facilitator, merchant, stranger } = sandboxKeys.evm;
const otherToken = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';
const now = 1_790_000_000n;
const clock: Clock = { now: () => new Date(Number(now) * 1000 + 999) };
const offer: TransferOffer = {
  privateKey: buyer.privateKey,
  token: BASE_SEPOLIA_USDC,
  payTo: merchant.address,
  value: 10_000n,
  validAfter: now - 600n,
  validBefore: now + 300n,
};

const [exact] = createEvmNetwork({
  network: baseSepolia,
  // Nothing listens here: an examination asks no node.
  rpcUrls: ['http://127.0.0.1:9'],
  signerKeys: [facilitator.privateKey],
  assets: [BASE_SEPOLIA_USDC],
  clock,
  onRpcCall: (call) => expect.fail(`${call.method} was called`),
  onWarning: (message) => expect.fail(message),
}).schemes;

const examine = async (payment: Payment) => exact?.examine(payment) ?? expect.fail('no scheme');

type Payload = Record<string, unknown> & { signature: string; authorization: Record<string, unknown> };

/** The payment of an offer with its payload bent after signing. */
async function bent(bend: (payload: Payload) => Record<string, unknown>): Promise<Payment> {
  const payment = await offeredPayment(offer);
  return { ...payment, payload: bend(payment.payload as Payload) };
}

const withSignature = (encode: (signature: string) => string) =>
  bent((payload) => ({ ...payload, signature: encode(payload.signature) }));

const withAuthorization = (changes: Record<string, unknown>) =>
  bent((payload) => ({ ...payload, authorization: { ...payload.authorization, ...changes } }));

async function claimKeyOf(payment: Payment): Promise<string> {
  const examination = await examine(payment);
  if (examination.kind === 'refused') return expect.fail(JSON.stringify(examination.rejection));
  return examination.kind === 'lapsed'
    ? examination.authorization.claimKey
    : examination.payment.authorization.claimKey;
}

describe('a payment that holds', () => {
  test('names what moves in canonical form', async () => {
    const nonce = `0x${'ab'.repeat(32)}` as const;
    const payment = await offeredPayment({ ...offer, nonce });
    const authorization = {
      scheme: 'exact',
      claimKey: [
        '0000000000000000000000000000000000000000000000000000000000014a34',
        BASE_SEPOLIA_USDC.slice(2).toLowerCase(),
        buyer.address.slice(2).toLowerCase(),
        'ab'.repeat(32),
      ].join(''),
      payer: buyer.address,
      payTo: merchant.address,
      asset: { network: baseSepolia, token: BASE_SEPOLIA_USDC },
      amount: 10_000n,
    };
    expect(await examine(payment)).toMatchObject({ kind: 'acceptable', payment: { authorization } });
  });

  test('is the same payment in every spelling of its hex and its addresses', async () => {
    const payment = await offeredPayment(offer);
    const { signature, authorization } = payment.payload as Payload;
    const shout = (text: unknown) => `0x${String(text).slice(2).toUpperCase()}`;
    const respelled: Payment = {
      ...payment,
      x402Version: 1,
      requirements: {
        ...payment.requirements,
        asset: BASE_SEPOLIA_USDC.toLowerCase(),
        payTo: shout(merchant.address),
      },
      payload: {
        signature: shout(signature),
        authorization: {
          ...authorization,
          from: buyer.address.toLowerCase(),
          to: shout(merchant.address),
          nonce: shout(authorization['nonce']),
        },
      },
    };
    expect((await examine(respelled)).kind).toBe('acceptable');
    expect(await claimKeyOf(respelled)).toBe(await claimKeyOf(payment));
  });

  test.each([
    ['malleated', malleatedSignature],
    ['with v of 0 or 1', bareParitySignature],
  ])('is the same payment with a signature %s', async (_name, encode) => {
    const payment = await offeredPayment(offer);
    const payload = payment.payload as Payload;
    const recoded = { ...payment, payload: { ...payload, signature: encode(payload.signature) } };
    expect((await examine(recoded)).kind).toBe('acceptable');
    expect(await claimKeyOf(recoded)).toBe(await claimKeyOf(payment));
  });

  test('may expire in 6 seconds and may be valid since this second', async () => {
    expect((await examine(await offeredPayment({ ...offer, validBefore: now + 6n }))).kind).toBe('acceptable');
    expect((await examine(await offeredPayment({ ...offer, validAfter: now }))).kind).toBe('acceptable');
    expect((await examine(await offeredPayment({ ...offer, validBefore: 2n ** 256n - 1n }))).kind).toBe('acceptable');
  });
});

describe('a payment that has lapsed', () => {
  test('in a compact signature it can be joined under the same key, but not started', async () => {
    const payment = await offeredPayment(offer);
    const payload = payment.payload as Payload;
    const compact = { ...payment, payload: { ...payload, signature: compactSignature(payload.signature) } };
    expect(await examine(compact)).toMatchObject({
      kind: 'lapsed',
      rejection: { reason: 'invalid_exact_evm_signature' },
      authorization: { claimKey: await claimKeyOf(payment) },
    });
  });

  test.each([
    ['too late', { validBefore: now + 5n }, 'invalid_exact_evm_payload_authorization_valid_before'],
    ['too early', { validAfter: now + 1n }, 'invalid_exact_evm_payload_authorization_valid_after'],
    [
      'too early and too late',
      { validAfter: now + 1n, validBefore: 0n },
      'invalid_exact_evm_payload_authorization_valid_before',
    ],
  ])('because it came %s', async (_name, window, reason) => {
    expect(await examine(await offeredPayment({ ...offer, ...window }))).toMatchObject({
      kind: 'lapsed',
      rejection: { reason },
    });
  });
});

describe('a payment without proven consent is refused', () => {
  test.each<[string, string, () => Promise<Payment>]>([
    [
      'another scheme in the requirements',
      'invalid_exact_evm_scheme',
      () => offeredPayment(offer, { requirements: { scheme: 'upto' } }),
    ],
    [
      'another scheme accepted',
      'invalid_exact_evm_scheme',
      () => offeredPayment(offer, { accepted: { scheme: 'upto' } }),
    ],
    [
      'no token name',
      'invalid_exact_evm_missing_eip712_domain',
      () => offeredPayment(offer, { requirements: { extra: { version: '2' } } }),
    ],
    [
      'an empty token version',
      'invalid_exact_evm_missing_eip712_domain',
      () => offeredPayment(offer, { requirements: { extra: { name: 'USDC', version: '' } } }),
    ],
    [
      'another network accepted',
      'invalid_exact_evm_network_mismatch',
      () => offeredPayment(offer, { accepted: { network: 'eip155:8453' } }),
    ],
    [
      'a network that this handler does not serve',
      'invalid_exact_evm_network_mismatch',
      () =>
        offeredPayment(offer, {
          accepted: { network: 'eip155:8453' },
          requirements: { network: network('eip155:8453') },
        }),
    ],
    [
      'an asset that is no address',
      'invalid_payment_requirements',
      () => offeredPayment(offer, { requirements: { asset: 'USDC' } }),
    ],
    [
      'a payTo with a wrong checksum',
      'invalid_payment_requirements',
      () => offeredPayment(offer, { requirements: { payTo: merchant.address.replace('C', 'c') } }),
    ],
    ['another signer', 'invalid_exact_evm_signature', () => withAuthorization({ from: stranger.address })],
    [
      'another domain name',
      'invalid_exact_evm_signature',
      () => offeredPayment(offer, { requirements: { extra: { name: 'USD Coin', version: '2' } } }),
    ],
    [
      'another chain',
      'invalid_exact_evm_signature',
      () =>
        offeredPayment(
          { ...offer, chainId: 8453 },
          { accepted: { network: baseSepolia }, requirements: { network: baseSepolia } },
        ),
    ],
    [
      'another token',
      'invalid_exact_evm_signature',
      () => offeredPayment(offer, { requirements: { asset: otherToken } }),
    ],
    ['a signature of nothing', 'invalid_exact_evm_signature', () => withSignature(() => '0x')],
    [
      'a signature with v of 29',
      'invalid_exact_evm_signature',
      () => withSignature((signature) => `${signature.slice(0, -2)}1d`),
    ],
    ['a signature of 66 bytes', 'invalid_exact_evm_signature', () => withSignature((signature) => `${signature}00`)],
    [
      'a wallet that is not deployed',
      'eip6492_factory_not_allowed',
      () => withSignature((signature) => counterfactualSignature(signature, otherToken)),
    ],
    [
      'a 6492 wrapper that names no factory',
      'invalid_exact_evm_signature',
      () => withSignature((signature) => counterfactualSignature(signature, `0x${'0'.repeat(40)}`)),
    ],
    [
      'another payTo',
      'invalid_exact_evm_recipient_mismatch',
      () => offeredPayment(offer, { requirements: { payTo: stranger.address } }),
    ],
    [
      'a value of one less',
      'invalid_exact_evm_payload_authorization_value_mismatch',
      () => offeredPayment(offer, { requirements: { amount: amount(9_999n) } }),
    ],
    [
      'a value of one more',
      'invalid_exact_evm_payload_authorization_value_mismatch',
      () => offeredPayment(offer, { requirements: { amount: amount(10_001n) } }),
    ],
    ['a token that is not allowed', 'unsupported_asset', () => offeredPayment({ ...offer, token: otherToken })],
    [
      'payTo the zero address',
      'invalid_payment_requirements',
      () => offeredPayment({ ...offer, payTo: `0x${'0'.repeat(40)}` }),
    ],
    ['payTo the token', 'invalid_payment_requirements', () => offeredPayment({ ...offer, payTo: BASE_SEPOLIA_USDC })],
    [
      'payTo our signer',
      'invalid_payment_requirements',
      () => offeredPayment({ ...offer, payTo: facilitator.address }),
    ],
    ['payTo the payer', 'invalid_payment_requirements', () => offeredPayment({ ...offer, payTo: buyer.address })],
    [
      'Permit2',
      'unsupported_payload_type',
      () => bent((payload) => ({ ...payload, permit2Authorization: { from: buyer.address } })),
    ],
  ])('%s: %s', async (_name, reason, payment) => {
    const examination = await examine(await payment());
    expect(examination).toMatchObject({ kind: 'refused', rejection: { reason } });
    expect(examination).toHaveProperty('payer');
  });

  test.each([
    ['and expired', { validBefore: now }, 'invalid_exact_evm_payload_authorization_valid_before'],
    ['and too early', { validAfter: now + 1n }, 'invalid_exact_evm_payload_authorization_valid_after'],
  ])('a wrong value %s is refused with the first reason, not lapsed', async (_name, window, reason) => {
    const payment = await offeredPayment({ ...offer, ...window }, { requirements: { amount: amount(1n) } });
    expect(await examine(payment)).toMatchObject({ kind: 'refused', rejection: { reason } });
  });

  test('a compact signature for another payee is refused, not lapsed', async () => {
    const payment = await offeredPayment(offer, { requirements: { payTo: stranger.address } });
    const payload = payment.payload as Payload;
    const compact = { ...payment, payload: { ...payload, signature: compactSignature(payload.signature) } };
    expect(await examine(compact)).toMatchObject({
      kind: 'refused',
      rejection: { reason: 'invalid_exact_evm_signature' },
    });
  });
});

describe('a payload of the wrong shape', () => {
  test.each<[string, Record<string, unknown>]>([
    ['a value that is a number', { value: 10_000 }],
    ['a value in hex', { value: '0x2710' }],
    ['a value with an exponent', { value: '1e4' }],
    ['a value with spaces', { value: ' 10000 ' }],
    ['a negative value', { value: '-1' }],
    ['a value with a sign', { value: '+1' }],
    ['a value with a leading zero', { value: '01' }],
    ['an empty value', { value: '' }],
    ['a decimal value', { value: '1.0' }],
    ['a value of 2^256', { value: (2n ** 256n).toString() }],
    ['a value of NaN', { value: 'NaN' }],
    ['a validBefore of 2^256', { validBefore: (2n ** 256n).toString() }],
    ['a validAfter that is null', { validAfter: null }],
    ['no nonce', { nonce: undefined }],
    ['a nonce of 31 bytes', { nonce: `0x${'11'.repeat(31)}` }],
    ['a nonce of 33 bytes', { nonce: `0x${'11'.repeat(33)}` }],
    ['a nonce with foreign digits', { nonce: `0x${'1g'.repeat(32)}` }],
    ['a nonce without prefix', { nonce: '11'.repeat(32) }],
    ['a from with a wrong checksum', { from: buyer.address.replace('C', 'c') }],
    ['a from that is an object', { from: { toString: 'x' } }],
    ['a to in 0X', { to: merchant.address.replace('0x', '0X') }],
  ])('%s is an invalid payload', async (_name, changes) => {
    expect(await examine(await withAuthorization(changes))).toMatchObject({
      kind: 'refused',
      rejection: { reason: 'invalid_payload' },
    });
  });

  test.each<[string, Record<string, unknown>]>([
    ['nothing', {}],
    ['no authorization', { signature: '0x' }],
    ['an authorization that is a list', { signature: '0x', authorization: [] }],
    ['a signature that is a number', { signature: 5, authorization: {} }],
    ['a signature with half a byte', { signature: '0x1', authorization: {} }],
    ['a signature with foreign digits', { signature: '0xzz', authorization: {} }],
    ['a signature of 100 KB', { signature: `0x${'11'.repeat(100_000)}`, authorization: {} }],
  ])('%s is an invalid payload', async (_name, payload) => {
    expect(await examine(await bent(() => payload))).toMatchObject({
      kind: 'refused',
      rejection: { reason: 'invalid_payload' },
    });
  });

  test('the detail names the field and never repeats what was sent', async () => {
    const examination = await examine(await withAuthorization({ value: 'secret', nonce: 'secret' }));
    expect(examination).toMatchObject({
      rejection: { detail: expect.stringMatching(/authorization\.value.*authorization\.nonce/) as string },
    });
    expect(JSON.stringify(examination)).not.toContain('secret');
  });

  test('nothing that a caller can send makes it throw', async () => {
    const payment = await offeredPayment(offer);
    const { authorization, signature } = payment.payload as Payload;
    const junk = fc.oneof(
      fc.anything(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(signature, buyer.address, '0x'),
    );
    const authorizations = fc
      .record(Object.fromEntries(Object.keys(authorization).map((key) => [key, junk])), { requiredKeys: [] })
      .map((changes) => ({ ...authorization, ...changes }));
    const payloads = fc.oneof(
      fc.dictionary(fc.string(), fc.anything()),
      fc.record({ signature: fc.oneof(junk, fc.constant(signature)), authorization: fc.oneof(authorizations, junk) }),
    );
    const extras = fc.record({ name: fc.oneof(junk, fc.constant('USDC')), version: fc.oneof(junk, fc.constant('2')) });
    await fc.assert(
      fc.asyncProperty(payloads, extras, junk, async (payload, extra, asset) => {
        const requirements = {
          ...payment.requirements,
          extra,
          asset: typeof asset === 'string' ? asset : BASE_SEPOLIA_USDC,
        };
        expect(['refused', 'lapsed', 'acceptable']).toContain(
          (await examine({ ...payment, requirements, payload })).kind,
        );
      }),
      { numRuns: 800 },
    );
  });
});
