import { Keypair, PublicKey } from '@solana/web3.js';
import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { devnetUsdc } from '../support/test-facilitator.js';
import { inVersion1, withPayload, type WireRequest } from '../support/wire.js';
import { changed, type Path } from './changed.js';
import { startHostileSetup, type HostileSetup } from './hostile-setup.js';

/** What can be wrong with the fields of a request that is well-formed JSON. */

let setup: HostileSetup;
let evm: WireRequest;
let svm: WireRequest;

beforeAll(async () => {
  setup = await startHostileSetup();
  evm = await setup.unfunded('EVM');
  svm = await setup.unfunded('Solana');
});
afterAll(async () => {
  await setup.expectNothingSpent();
  await setup.stop();
});

/** Asks both endpoints, which must agree; one after the other, because what is being settled is no longer valid. */
async function answerTo(request: unknown): Promise<string> {
  const verified = await setup.ask('verify', request);
  expect(await setup.ask('settle', request)).toEqual(verified);
  return `${verified.status} ${verified.reason ?? 'valid'}`;
}

const malformed = '400 invalid_payload';
const badPayload = '200 invalid_payload';
const badRequirements = '200 invalid_payment_requirements';
const noMoney = '200 invalid_exact_evm_insufficient_balance';

const amount: Path = ['paymentRequirements', 'amount'];
const authorization = (field: string): Path => ['paymentPayload', 'payload', 'authorization', field];

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

describe('an EVM address', () => {
  const right = sandboxKeys.evm.merchant.address;
  const wrong = [
    '',
    '0x',
    right.slice(2),
    right.slice(0, -1),
    `${right}0`,
    ` ${right}`,
    `${right}\n`,
    right.replace('0x', '0X'),
    right.replace(/[a-f]/, (letter) => letter.toUpperCase()),
    `${right.slice(0, -1)}g`,
    'vitalik.eth',
    'XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS',
    `0x${'0'.repeat(24)}${right.slice(2)}`,
    `${right}\u0000`,
    devnetUsdc,
  ];

  test.each(wrong)('%j is none', async (value) => {
    for (const field of ['payTo', 'asset']) {
      const expected = value === '' ? malformed : badRequirements;
      expect(await answerTo(changed(evm, ['paymentRequirements', field], value))).toBe(expected);
    }
    for (const field of ['from', 'to']) {
      expect(await answerTo(changed(evm, authorization(field), value))).toBe(badPayload);
    }
  });

  test.each<readonly [string, string]>([
    ['the zero address', `0x${'0'.repeat(40)}`],
    ['the token', BASE_SEPOLIA_USDC],
    ['our signer', sandboxKeys.evm.facilitator.address],
  ])('of %s is not paid', async (_what, payTo) => {
    expect(await answerTo(await setup.unfunded('EVM', { payTo }))).toBe(badRequirements);
    expect(await answerTo(await setup.unfunded('EVM', { payTo: payTo.toLowerCase() }))).toBe(badRequirements);
  });

  test('of the payer is not paid by the payer', async () => {
    const request = await setup.unfundedToItself('EVM');
    expect(await answerTo(request)).toBe(badRequirements);
  });

  test('is the same in lower case, in upper case and with its checksum', async () => {
    const payTo = sandboxKeys.evm.merchant.address;
    const request = await setup.unfunded('EVM', { payTo });
    for (const spelling of [payTo.toLowerCase(), `0x${payTo.slice(2).toUpperCase()}`]) {
      const respelled = changed(request, ['paymentRequirements', 'payTo'], spelling);
      expect(await answerTo(respelled)).toBe(noMoney);
      expect(await answerTo(changed(respelled, authorization('to'), spelling))).toBe(noMoney);
    }
  });

  test('of a token that is not allowed is refused', async () => {
    const other = changed(evm, ['paymentRequirements', 'asset'], sandboxKeys.evm.stranger.address);
    expect(await answerTo(other)).toBe('200 invalid_exact_evm_signature');
  });
});

describe('an EVM signature', () => {
  const path: Path = ['paymentPayload', 'payload', 'signature'];

  test.each(['', '0', 'hello', '0x0', '0xgg', 12, null, `0x${'00'.repeat(20_000)}`])(
    '%j is malformed',
    async (value) => {
      expect(await answerTo(changed(evm, path, value))).toBe(badPayload);
    },
  );

  test.each([
    '0x',
    '0x00',
    `0x${'00'.repeat(65)}`,
    `0x${'ff'.repeat(65)}`,
    `0x${'00'.repeat(64)}`,
    `0x${'11'.repeat(64)}1b`,
  ])('%j is nobody’s', async (value) => {
    expect(await answerTo(changed(evm, path, value))).toBe('200 invalid_exact_evm_signature');
  });

  test('over a domain of odd characters is compared, not choked on', async () => {
    for (const name of ['\ud800', '\u0000', '\u202e', '💸', 'x'.repeat(20_000)]) {
      const odd = changed(evm, ['paymentRequirements', 'extra', 'name'], name);
      expect(await answerTo(odd)).toBe('200 invalid_exact_evm_signature');
    }
  });
});

describe('a Solana address', () => {
  const right = sandboxKeys.svm.merchant.address;
  const wrong = [
    `1${right}`,
    right.slice(0, 30),
    `${right}1`,
    ` ${right}`,
    `${right}=`,
    `${right.slice(0, -1)}0`,
    `${right.slice(0, -1)}O`,
    `${right.slice(0, -1)}l`,
    `${right.slice(0, -1)}é`,
    '1'.repeat(31),
    '1'.repeat(33),
    'z'.repeat(88),
    'z'.repeat(2_000),
    sandboxKeys.evm.merchant.address,
  ];

  test.each(wrong)('%j is none', async (value) => {
    for (const field of ['payTo', 'asset']) {
      expect(await answerTo(changed(svm, ['paymentRequirements', field], value))).toBe(badRequirements);
    }
  });

  test.each([sandboxKeys.svm.facilitator.address, devnetUsdc])(
    'of the fee payer or the mint is not paid: %s',
    async (payTo) => {
      expect(await answerTo(await setup.unfunded('Solana', { payTo }))).toBe(badRequirements);
    },
  );

  test('of the payer is not paid by the payer', async () => {
    expect(await answerTo(await setup.unfundedToItself('Solana'))).toBe(badRequirements);
  });

  test('without a token account cannot be paid, on the curve or off it', async () => {
    const [offCurve] = PublicKey.findProgramAddressSync([Buffer.from('vault')], new PublicKey(devnetUsdc));
    for (const payTo of [offCurve.toBase58(), Keypair.generate().publicKey.toBase58(), '1'.repeat(32)]) {
      const request = await setup.unfunded('Solana', { payTo });
      expect(await answerTo(request)).toBe('200 invalid_exact_svm_transaction_simulation_failed');
    }
  });
});

describe('a Solana transaction', () => {
  const undecodable = '200 invalid_exact_svm_payload_transaction_could_not_be_decoded';
  const carrying = (transaction: unknown) => withPayload(svm, { transaction });
  const bytes = () => Buffer.from(svm.paymentPayload.payload['transaction'] as string, 'base64');

  test('is refused when it is cut, at whatever length', async () => {
    const whole = bytes();
    for (let length = 1; length < whole.length; length += 16) {
      const lengths = Array.from({ length: Math.min(16, whole.length - length) }, (_, index) => length + index);
      const cut = lengths.map((end) => answerTo(carrying(whole.subarray(0, end).toString('base64'))));
      expect(new Set(await Promise.all(cut))).toEqual(new Set([undecodable]));
    }
  });

  test('is refused when something follows it', async () => {
    expect(await answerTo(carrying(Buffer.concat([bytes(), Buffer.from([0])]).toString('base64')))).toBe(undecodable);
    expect(await answerTo(carrying(Buffer.concat([bytes(), bytes()]).toString('base64')))).toBe(undecodable);
  });

  test('is refused in any base64 but the canonical one', async () => {
    const text = Buffer.concat([bytes(), Buffer.from([1])]).toString('base64');
    const canonical = bytes().toString('base64');
    const others = [
      ` ${canonical}`,
      `${canonical}\n`,
      `${canonical}=`,
      canonical.replace(/(.{20})/, '$1\n'),
      `data:;base64,${canonical}`,
      canonical.replaceAll('+', '-').replaceAll('/', '_').concat('-'),
      text.replace(/=+$/, ''),
      '====',
      '!!!!',
      'AA',
      'A',
      '0x00',
      Buffer.alloc(100_000).toString('base64').slice(0, 50_000),
    ];
    for (const other of others) expect(await answerTo(carrying(other))).toBe(undecodable);
  });

  test.each(['', 7, null, undefined, {}, []])('is not %j', async (value) => {
    expect(await answerTo(carrying(value))).toBe(badPayload);
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
