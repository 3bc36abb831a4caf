import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { baseSepolia } from '../network.js';
import { readPaymentRequest } from './request.js';

const shared = { scheme: 'exact', asset: 'token', payTo: 'merchant', maxTimeoutSeconds: 60 };
const payload = { signature: '0x00' };

const requirements2 = { ...shared, network: 'eip155:84532', amount: '10000', extra: { name: 'USDC' } };
const version2 = {
  x402Version: 2,
  paymentPayload: { x402Version: 2, accepted: requirements2, payload },
  paymentRequirements: requirements2,
};

const requirements1 = { ...shared, network: 'base-sepolia', maxAmountRequired: '10000', extra: { name: 'USDC' } };
const version1 = {
  x402Version: 1,
  paymentPayload: { x402Version: 1, scheme: 'exact', network: 'base-sepolia', payload },
  paymentRequirements: requirements1,
};

const expected = {
  accepted: { scheme: 'exact', network: baseSepolia },
  requirements: { ...shared, network: baseSepolia, amount: 10_000n, extra: { name: 'USDC' } },
  payload,
};

describe('a request', () => {
  test('of version 2 is read as it stands', () => {
    const payment = { ...expected, x402Version: 2 };
    const reply = { x402Version: 2, network: 'eip155:84532' };
    expect(readPaymentRequest(version2)).toEqual({ kind: 'payment', payment, reply });
  });

  test('of version 1 becomes one of version 2, and is answered under its own network name', () => {
    const payment = { ...expected, x402Version: 1 };
    const reply = { x402Version: 1, network: 'base-sepolia' };
    expect(readPaymentRequest(version1)).toEqual({ kind: 'payment', payment, reply });
  });

  test('may say more than we know', () => {
    const more = {
      resource: { url: 'https://merchant.example' },
      extensions: { bazaar: {} },
      future: [1, { a: null }],
    };
    const request = {
      ...version2,
      ...more,
      paymentPayload: { ...version2.paymentPayload, ...more, accepted: { ...requirements2, ...more } },
      paymentRequirements: { ...requirements2, ...more },
    };
    expect(readPaymentRequest(request)).toMatchObject({ kind: 'payment', payment: expected });
    expect(readPaymentRequest({ ...version1, ...more })).toMatchObject({ kind: 'payment', payment: expected });
  });

  test('may leave out what has a default', () => {
    for (const extra of [undefined, null, {}]) {
      const request = { ...version2, paymentRequirements: { ...requirements2, extra } };
      expect(readPaymentRequest(request)).toMatchObject({ kind: 'payment', payment: { requirements: { extra: {} } } });
    }
    const { paymentPayload, paymentRequirements } = version2;
    expect(readPaymentRequest({ paymentPayload, paymentRequirements })).toMatchObject({ kind: 'payment' });
  });

  test.each([0, 3, -1, 1.5])('of version %s is refused', (x402Version) => {
    const request = { ...version2, paymentPayload: { ...version2.paymentPayload, x402Version } };
    expect(readPaymentRequest(request)).toMatchObject({
      kind: 'refused',
      rejection: { reason: 'invalid_x402_version' },
    });
  });

  test.each(['2', null, undefined, true, [2]])('of version %j is malformed', (x402Version) => {
    const request = { ...version2, paymentPayload: { ...version2.paymentPayload, x402Version } };
    expect(readPaymentRequest(request)).toMatchObject({ kind: 'malformed', detail: expect.any(String) as unknown });
  });

  test('is of the version that the signed part states, whatever stands beside it', () => {
    expect(readPaymentRequest({ ...version2, x402Version: 1 })).toMatchObject({ payment: { x402Version: 2 } });
    expect(readPaymentRequest({ ...version1, x402Version: 2 })).toMatchObject({ payment: { x402Version: 1 } });
  });

  test.each(['base-sepolia', 'eip155:0', 'solana:devnet', 'nowhere', '__proto__'])(
    'to the network %s of version 2 is refused',
    (network) => {
      const request = { ...version2, paymentRequirements: { ...requirements2, network } };
      expect(readPaymentRequest(request)).toMatchObject({
        kind: 'refused',
        rejection: { reason: 'invalid_network' },
        reply: { network },
      });
    },
  );

  test.each(['eip155:84532', 'Base', 'constructor'])('to the network %s of version 1 is refused', (network) => {
    const request = { ...version1, paymentRequirements: { ...requirements1, network } };
    expect(readPaymentRequest(request)).toMatchObject({ kind: 'refused', rejection: { reason: 'invalid_network' } });
  });

  test('names the fields that are wrong, five at most, and none of their values', () => {
    const paymentRequirements = { ...requirements2, amount: 'hunter2', payTo: 5, network: '', scheme: null, asset: {} };
    const read = readPaymentRequest({ ...version2, paymentRequirements });
    if (read.kind !== 'malformed') expect.fail(read.kind);
    expect(read.detail).toMatch(/paymentRequirements\.amount: must be a decimal string/);
    expect(read.detail.split('; ')).toHaveLength(5);
    expect(read.detail).not.toContain('hunter2');
  });

  test('that is too deep is malformed', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(60_000)}${']'.repeat(60_000)}`);
    expect(readPaymentRequest({ ...version2, deep })).toMatchObject({ kind: 'malformed' });
  });

  test('echoes a network only if it is text, and not all of a long one', () => {
    const asking = (network: unknown) => readPaymentRequest({ paymentRequirements: { network } }).reply.network;
    expect(asking('base')).toBe('base');
    expect(asking('x'.repeat(1_000))).toHaveLength(100);
    for (const network of [7, null, {}, ['base']]) expect(asking(network)).toBe('');
  });

  test('reads no key that the body does not have itself', () => {
    const inherited = Object.create({ paymentPayload: version2.paymentPayload }) as unknown;
    expect(readPaymentRequest(inherited)).toMatchObject({ kind: 'malformed' });
  });

  test('of any kind is read without throwing', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), (anything) => {
        expect(readPaymentRequest(anything).kind).toBe('malformed');
        for (const request of [version1, version2]) {
          for (const part of ['paymentPayload', 'paymentRequirements']) {
            expect(['payment', 'refused', 'malformed']).toContain(
              readPaymentRequest({ ...request, [part]: anything }).kind,
            );
          }
        }
      }),
    );
  });
});
