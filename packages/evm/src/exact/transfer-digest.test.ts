import { amount } from '@tollkeeper/protocol';
import { getAddress, TypedDataEncoder } from 'ethers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { transferDigest } from './transfer-digest.js';

const types = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
};
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((value) => `0x${Buffer.from(value).toString('hex')}`);
const address = bytes(20).map((text) => getAddress(text));
const uint256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
const text = fc.string({ unit: 'grapheme', maxLength: 300 });

test('the digest is the one of a general EIP-712 encoder, for every domain and authorization', () => {
  fc.assert(
    fc.property(
      fc.record({ name: text, version: text, chainId: fc.bigInt({ min: 1n, max: 2n ** 53n - 1n }), token: address }),
      fc.record({
        from: address,
        to: address,
        value: uint256,
        validAfter: uint256,
        validBefore: uint256,
        nonce: bytes(32),
      }),
      ({ token, ...domain }, message) => {
        const expected = TypedDataEncoder.hash({ ...domain, verifyingContract: token }, types, message);
        const authorization = { ...message, value: amount(message.value) };
        // The second time comes from the cache.
        for (let round = 0; round < 2; round += 1) {
          expect(`0x${transferDigest({ ...domain, token }, authorization).toString('hex')}`).toBe(expected);
        }
      },
    ),
  );
});

test('two domains that read alike when joined are two domains', () => {
  const authorization = {
    from: `0x${'11'.repeat(20)}`,
    to: `0x${'22'.repeat(20)}`,
    value: amount(1n),
    validAfter: 0n,
    validBefore: 1n,
    nonce: `0x${'33'.repeat(32)}`,
  };
  const token = `0x${'44'.repeat(20)}`;
  const one = transferDigest({ name: 'USD 2', version: '1', chainId: 1n, token }, authorization);
  const other = transferDigest({ name: 'USD', version: '2 1', chainId: 1n, token }, authorization);
  expect(one).not.toEqual(other);
});
