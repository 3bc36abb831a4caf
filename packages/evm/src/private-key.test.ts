import { Wallet } from 'ethers';
import { expect, test } from 'vitest';
import { evmAddressOf, generateDepositKey, parseEvmPrivateKey } from './private-key.js';

const key = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const groupOrder = '0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';

test('a private key is read with or without its prefix, in any case', () => {
  expect(parseEvmPrivateKey(key)).toBe(key);
  expect(parseEvmPrivateKey(key.slice(2).toUpperCase())).toBe(key);
});

test.each(['', '0x', key.slice(0, -1), `${key}0`, ` ${key}`, `0x${'0'.repeat(64)}`, groupOrder, 'secret'])(
  '%j is no private key',
  (text) => {
    expect(parseEvmPrivateKey(text)).toBeUndefined();
  },
);

test('a deposit key is new each time and its secret signs for its address', () => {
  const one = generateDepositKey();
  expect(one.secret).toHaveLength(32);
  const secret = `0x${Buffer.from(one.secret).toString('hex')}`;
  expect(new Wallet(secret).address).toBe(one.address);
  const parsed = parseEvmPrivateKey(secret);
  expect(parsed === undefined ? undefined : evmAddressOf(parsed)).toBe(one.address);
  expect(generateDepositKey().address).not.toBe(one.address);
});
