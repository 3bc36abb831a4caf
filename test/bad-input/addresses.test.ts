import { Keypair, PublicKey } from '@solana/web3.js';
import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { devnetUsdc } from '../support/test-facilitator.js';
import { withPayload } from '../support/wire.js';
import { changed, type Path } from './changed.js';
import {
  malformed,
  badPayload,
  badRequirements,
  noMoney,
  authorization,
  openFieldScene,
  type FieldScene,
} from './field-scene.js';

/** What can be wrong with addresses, signatures and signed transactions. */

let scene: FieldScene;
let setup: FieldScene['setup'];
let evm: FieldScene['evm'];
let svm: FieldScene['svm'];
let answerTo: FieldScene['answerTo'];

beforeAll(async () => {
  scene = await openFieldScene();
  ({ setup, evm, svm, answerTo } = scene);
});
afterAll(() => scene.close());

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
