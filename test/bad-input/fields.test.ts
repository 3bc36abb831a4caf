import { sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inVersion1, withPayload } from '../support/wire.js';
import { changed, type Path } from './changed.js';
import {
  malformed,
  badPayload,
  badRequirements,
  noMoney,
  amount,
  authorization,
  openFieldScene,
  type FieldScene,
} from './field-scene.js';

/** What can be wrong with the fields of a request that is well-formed JSON. */

let scene: FieldScene;
let evm: FieldScene['evm'];
let svm: FieldScene['svm'];
let answerTo: FieldScene['answerTo'];

beforeAll(async () => {
  scene = await openFieldScene();
  ({ evm, svm, answerTo } = scene);
});
afterAll(() => scene.close());

test('the payments that the cases bend fail only for want of money', async () => {
  expect(await answerTo(evm)).toBe(noMoney);
  expect(await answerTo(inVersion1(evm))).toBe(noMoney);
  expect(await answerTo(svm)).toBe('200 invalid_exact_svm_transaction_simulation_failed');
  expect(await answerTo(inVersion1(svm))).toBe('200 transaction_simulation_failed');
});

describe('an amount', () => {
  const wrong: readonly unknown[] = [
    10000,
    1e4,
    2 ** 53,
    1.5,
    -1,
    0,
    null,
    true,
    {},
    [],
    ['10000'],
    '',
    ' ',
    ' 1',
    '1 ',
    '\n1',
    '-1',
    '+1',
    '01',
    '00',
    '1.0',
    '1e4',
    '0x2710',
    '0b1',
    '1_000',
    '1,000',
    'NaN',
    'Infinity',
    '１',
    '٣',
    '1\u0000',
    '9'.repeat(79),
    '9'.repeat(10_000),
  ];

  test.each(wrong)('%j is not one, in the requirements', async (value) => {
    expect(await answerTo(changed(evm, amount, value))).toBe(malformed);
    const version1 = changed(inVersion1(evm), ['paymentRequirements', 'maxAmountRequired'], value);
    expect(await answerTo(version1)).toBe(malformed);
  });

  test.each(wrong.filter((value) => value !== '0'))('%j is not one, in what the payer signed', async (value) => {
    for (const field of ['value', 'validAfter', 'validBefore']) {
      expect(await answerTo(changed(evm, authorization(field), value))).toBe(badPayload);
    }
  });

  test('of 2^256 or 78 digits is no amount that was signed', async () => {
    const mismatch = '200 invalid_exact_evm_payload_authorization_value_mismatch';
    for (const value of [2n ** 256n, 2n ** 256n - 1n, 10n ** 78n - 1n]) {
      expect(await answerTo(changed(evm, amount, value.toString()))).toBe(mismatch);
      expect(await answerTo(changed(svm, amount, value.toString()))).toBe(
        '200 invalid_exact_svm_payload_amount_mismatch',
      );
    }
    expect(await answerTo(changed(evm, authorization('value'), (2n ** 256n).toString()))).toBe(badPayload);
  });

  test('of zero is refused', async () => {
    expect(await answerTo(changed(evm, amount, '0'))).toBe(badRequirements);
    expect(await answerTo(changed(svm, amount, '0'))).toBe(badRequirements);
  });
});

describe('a version', () => {
  const version: Path = ['paymentPayload', 'x402Version'];

  test.each([0, 3, -1, 1.5, 1e300])('%j is not supported', async (value) => {
    expect(await answerTo(changed(evm, version, value))).toBe('200 invalid_x402_version');
  });

  test.each(['2', '', null, true, [], {}, undefined])('%j is none', async (value) => {
    expect(await answerTo(changed(evm, version, value))).toBe(malformed);
  });

  test('that does not fit the rest of the body makes it malformed', async () => {
    expect(await answerTo(changed(evm, version, 1))).toBe(malformed);
    expect(await answerTo(changed(inVersion1(evm), version, 2))).toBe(malformed);
  });
});

describe('a network', () => {
  const network: Path = ['paymentRequirements', 'network'];

  test.each([
    'base-sepolia',
    'eip155:1',
    'eip155:08453',
    'eip155:',
    'eip155:-1',
    'eip155:84532 ',
    'EIP155:84532',
    'eip155:0x14a34',
    'solana:devnet',
    'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa',
    'bip122:000000000019d6689c085ae165831e93',
    'x',
    '__proto__',
    'toString',
    '\u0000',
    '\ud800',
    '\u202emoc',
    'x'.repeat(2_000),
  ])('%j is not served', async (value) => {
    expect(await answerTo(changed(evm, network, value))).toBe('200 invalid_network');
  });

  test.each(['', 84532, null, {}, 'x'.repeat(2_049)])('%j is none', async (value) => {
    expect(await answerTo(changed(evm, network, value))).toBe(malformed);
  });

  test.each(['base', 'ethereum', 'solana', 'eip155:84532', 'Base-Sepolia', 'constructor', ''])(
    '%j is not the one of version 1',
    async (value) => {
      const expected = value === '' ? malformed : '200 invalid_network';
      expect(await answerTo(changed(inVersion1(evm), network, value))).toBe(expected);
    },
  );

  test('other than the one that the buyer accepted is refused', async () => {
    const accepted: Path = ['paymentPayload', 'accepted', 'network'];
    expect(await answerTo(changed(evm, accepted, 'eip155:8453'))).toBe('200 invalid_exact_evm_network_mismatch');
    expect(await answerTo(changed(svm, accepted, 'eip155:84532'))).toBe('200 invalid_exact_svm_network_mismatch');
    const named: Path = ['paymentPayload', 'network'];
    expect(await answerTo(changed(inVersion1(evm), named, 'base'))).toBe('200 invalid_exact_evm_network_mismatch');
    expect(await answerTo(changed(inVersion1(svm), named, 'base'))).toBe('200 network_mismatch');
  });
});

test.each(['upto', 'Exact', 'exact ', 'deferred', '__proto__', 'constructor', '\u0000'])(
  'the scheme %j is not offered',
  async (scheme) => {
    const path: Path = ['paymentRequirements', 'scheme'];
    expect(await answerTo(changed(evm, path, scheme))).toBe('200 unsupported_scheme');
    expect(await answerTo(changed(inVersion1(svm), path, scheme))).toBe('200 unsupported_scheme');
    expect(await answerTo(changed(evm, ['paymentPayload', 'accepted', 'scheme'], scheme))).toBe(
      '200 invalid_exact_evm_scheme',
    );
  },
);

describe('a request lacks', () => {
  test.each<readonly [string, Path]>([
    ['the payload', ['paymentPayload']],
    ['the requirements', ['paymentRequirements']],
    ['what was accepted', ['paymentPayload', 'accepted']],
    ['the scheme payload', ['paymentPayload', 'payload']],
    ...['scheme', 'network', 'amount', 'asset', 'payTo', 'maxTimeoutSeconds'].map(
      (field) => [field, ['paymentRequirements', field]] as const,
    ),
  ])('%s: it is malformed, whatever stands in its place', async (_what, path) => {
    for (const value of [undefined, null, [], true]) expect(await answerTo(changed(evm, path, value))).toBe(malformed);
  });

  test.each(['from', 'to', 'value', 'validAfter', 'validBefore', 'nonce'])('authorization.%s', async (field) => {
    for (const value of [undefined, null, {}, 1]) {
      expect(await answerTo(changed(evm, authorization(field), value))).toBe(badPayload);
    }
  });

  test('the EIP-712 domain', async () => {
    const missing = '200 invalid_exact_evm_missing_eip712_domain';
    for (const field of ['name', 'version']) {
      for (const value of [undefined, null, '', 2, {}]) {
        expect(await answerTo(changed(evm, ['paymentRequirements', 'extra', field], value))).toBe(missing);
      }
    }
    for (const extra of [undefined, null]) {
      expect(await answerTo(changed(evm, ['paymentRequirements', 'extra'], extra))).toBe(missing);
    }
  });

  test('the fee payer', async () => {
    const path: Path = ['paymentRequirements', 'extra', 'feePayer'];
    for (const value of [undefined, null, '', 7, {}]) {
      expect(await answerTo(changed(svm, path, value))).toBe('200 invalid_exact_svm_payload_missing_fee_payer');
    }
    const another = sandboxKeys.svm.stranger.address;
    expect(await answerTo(changed(svm, path, another))).toBe(
      '200 invalid_exact_svm_fee_payer_not_managed_by_facilitator',
    );
  });
});

test('the payload of another family is refused', async () => {
  expect(await answerTo(withPayload(evm, svm.paymentPayload.payload))).toBe(badPayload);
  expect(await answerTo(withPayload(svm, evm.paymentPayload.payload))).toBe(badPayload);
  expect(await answerTo(withPayload(evm, { permit2Authorization: {} }))).toBe('200 unsupported_payload_type');
});

test.each<unknown>(['60', 0, -1, null, [60]])('%j seconds are no time limit', async (value) => {
  expect(await answerTo(changed(evm, ['paymentRequirements', 'maxTimeoutSeconds'], value))).toBe(malformed);
});
