import { PublicKey } from '@solana/web3.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase58, encodeBase58 } from './base58.js';
import { parseSvmAddress, svmAddressBytes } from './svm-address.js';

const thirtyTwoBytes = fc.uint8Array({ minLength: 32, maxLength: 32 });

test('base58 is what web3.js writes, and is read back', () => {
  fc.assert(
    fc.property(thirtyTwoBytes, (bytes) => {
      const text = encodeBase58(bytes);
      expect(text).toBe(new PublicKey(bytes).toBase58());
      expect(parseSvmAddress(text)).toBe(text);
      expect(svmAddressBytes(text)).toEqual(bytes);
    }),
  );
});

test('base58 keeps leading zeros and every length', () => {
  fc.assert(
    fc.property(fc.nat({ max: 5 }), fc.uint8Array({ maxLength: 59 }), (zeros, rest) => {
      const bytes = Uint8Array.from([...new Array<number>(zeros).fill(0), ...rest]);
      expect(decodeBase58(encodeBase58(bytes))).toEqual(bytes);
    }),
  );
});

describe('an address is not', () => {
  const address = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v';
  test.each([
    ['', 'nothing'],
    [` ${address}`, 'padded'],
    [`${address}\n`, 'ended by a line'],
    [`1${address}`, 'of 33 bytes'],
    [address.slice(2), 'cut short'],
    [address.replace('E', '0'), 'with a zero'],
    [address.replace('E', 'l'), 'with an l'],
    ['0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913', 'of another chain'],
    ['1'.repeat(31), '31 zero bytes'],
    ['z'.repeat(100_000), 'very long'],
  ])('%j: %s', (text) => {
    expect(parseSvmAddress(text)).toBeUndefined();
    expect(() => svmAddressBytes(text)).toThrow(RangeError);
  });

  test('but the default public key, 32 zero bytes, is one', () => {
    expect(parseSvmAddress('1'.repeat(32))).toBe('1'.repeat(32));
  });
});
