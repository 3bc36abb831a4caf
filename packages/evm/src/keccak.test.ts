import { keccak256 } from 'ethers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keccak, keccakOfText } from './keccak.js';

test('is the hash that Ethereum uses, for bytes of any length', () => {
  const someBytes = fc.uint8Array({ maxLength: 1000 });
  fc.assert(
    fc.property(someBytes, (bytes) => {
      expect(`0x${keccak(bytes).toString('hex')}`).toBe(keccak256(bytes));
    }),
  );
});

test('gives bytes of its own, which no later hash overwrites', () => {
  const empty = keccak(new Uint8Array());
  const before = empty.toString('hex');
  keccak(new Uint8Array(500).fill(1));
  expect(empty.toString('hex')).toBe(before);
  expect(empty.buffer.byteLength).toBe(32);
});

test('reads a text as UTF-8 and never throws', () => {
  expect(keccakOfText('\ud800')).toEqual(keccak(Buffer.from('\ufffd')));
});
