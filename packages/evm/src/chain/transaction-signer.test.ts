import fc from 'fast-check';
import { getAddress, hexlify, Transaction } from 'ethers';
import { expect, test } from 'vitest';
import { loadNativeCurve } from '../curve/native-curve.js';
import { decodeTransaction } from './decode-transaction.js';
import { createTransactionSigner } from './transaction-signer.js';

const signer = createTransactionSigner(`0x${'5'.repeat(64)}`, loadNativeCurve());

const wei = fc.bigInt({ min: 0n, max: 2n ** 80n });
const unsigned = fc.record({
  chainId: fc.bigInt({ min: 1n, max: 2n ** 50n }),
  to: fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => getAddress(hexlify(bytes))),
  data: fc.uint8Array({ maxLength: 400 }).map((bytes) => hexlify(bytes)),
  gasLimit: fc.bigInt({ min: 0n, max: 2n ** 30n }),
  fee: fc.tuple(wei, wei).map(([tip, base]) => ({ maxPriorityFeePerGas: tip, maxFeePerGas: tip + base })),
});

test('what is signed is what ethers reads, in the bytes that ethers would write', () => {
  const nonce = fc.oneof(fc.constantFrom(0n, 1n, 127n, 128n, 255n, 256n), fc.bigInt({ min: 0n, max: 2n ** 40n }));
  fc.assert(
    fc.property(unsigned, nonce, (transaction, accountNonce) => {
      const { id, raw, ...signed } = signer.sign(transaction, accountNonce);
      const read = Transaction.from(hexlify(raw));
      const { chainId, to, data, gasLimit, fee } = transaction;
      expect(read).toMatchObject({ type: 2, chainId, to, data, gasLimit, ...fee, value: 0n, accessList: [] });
      expect(read).toMatchObject({ nonce: Number(accountNonce), from: signer.address, hash: id });
      expect(read.serialized).toBe(hexlify(raw));
      expect(signed).toEqual({ signer: signer.address, accountNonce });
      expect(decodeTransaction(raw)).toEqual(transaction);
    }),
  );
});

test.each([55, 56, 255, 256, 65_535, 65_536, 100_000])('%i bytes of calldata are written and read', (length) => {
  const data = `0x${'5a'.repeat(length)}`;
  const fee = { maxFeePerGas: 2n, maxPriorityFeePerGas: 0n };
  const transaction = { chainId: 8453n, to: signer.address, data, gasLimit: 16_000_000n, fee };
  const { raw } = signer.sign(transaction, 7n);
  expect(Transaction.from(hexlify(raw)).serialized).toBe(hexlify(raw));
  expect(decodeTransaction(raw)).toEqual(transaction);
});

test('bytes that we did not sign are not read', () => {
  for (const raw of ['01c0', 'f8', '02', '02c000', '02f8', '0280']) {
    expect(() => decodeTransaction(Buffer.from(raw, 'hex'))).toThrow();
  }
});

test('a signature whose r or s begins with zeros is written without them', () => {
  const base = { chainId: 1n, to: signer.address, data: '0x', gasLimit: 21_000n };
  const fee = { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n };
  let shorter = 0;
  for (let nonce = 0n; nonce < 600n; nonce += 1n) {
    const { raw } = signer.sign({ ...base, fee }, nonce);
    const { signature, serialized } = Transaction.from(hexlify(raw));
    expect(serialized).toBe(hexlify(raw));
    if (signature?.r.startsWith('0x00') === true || signature?.s.startsWith('0x00') === true) shorter += 1;
  }
  expect(shorter).toBeGreaterThan(0);
});
