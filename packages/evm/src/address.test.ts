import { getAddress } from 'ethers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseEvmAddress } from './address.js';

const usdc = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';

test('every address gets the checksum that ethers gives it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
      const lowercase = `0x${Buffer.from(bytes).toString('hex')}`;
      const checksummed = getAddress(lowercase);
      expect(parseEvmAddress(lowercase)).toBe(checksummed);
      expect(parseEvmAddress(`0x${lowercase.slice(2).toUpperCase()}`)).toBe(checksummed);
      expect(parseEvmAddress(checksummed)).toBe(checksummed);
    }),
  );
});

test('mixed case with a wrong checksum is refused', () => {
  expect(parseEvmAddress(usdc.replace('Cb', 'cb'))).toBeUndefined();
});

test.each([
  ['nothing', ''],
  ['no prefix', usdc.slice(2)],
  ['0X', usdc.replace('0x', '0X')],
  ['a digit less', usdc.slice(0, -1)],
  ['a digit more', `${usdc}0`],
  ['a foreign digit', usdc.replace('7e', '7g')],
  ['spaces around', ` ${usdc} `],
  ['a line break at the end', `${usdc}\n`],
  ['ICAP', 'XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS'],
  ['an ENS name', 'vitalik.eth'],
  ['homoglyphs', usdc.replace('0x0', '0х0')],
])('%s is no address', (_name, text) => {
  expect(parseEvmAddress(text)).toBeUndefined();
});
