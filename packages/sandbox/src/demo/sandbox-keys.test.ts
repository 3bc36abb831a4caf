import { createKeyPairSignerFromBytes, getBase58Encoder } from '@solana/kit';
import { expect, test } from 'vitest';
import { privateKeyToAccount } from 'viem/accounts';
import { isSandboxKey, sandboxKeys } from './sandbox-keys.js';

test('the first EVM key is the one that every local node knows', () => {
  expect(sandboxKeys.evm.facilitator).toEqual({
    address: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
    privateKey: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  });
  for (const key of Object.values(sandboxKeys.evm)) {
    expect(privateKeyToAccount(key.privateKey).address).toBe(key.address);
  }
});

test('the Solana keys are key pairs that stock packages accept, the same at every start', async () => {
  for (const key of Object.values(sandboxKeys.svm)) {
    const signer = await createKeyPairSignerFromBytes(getBase58Encoder().encode(key.privateKeyBase58));
    expect(signer.address).toBe(key.address);
  }
  expect(sandboxKeys.svm.facilitator.address).toMatchInlineSnapshot(`"5JW7VMU3RecWYahMvQYPeiZ73k6c4GwK8Kg7DQc3VdVz"`);
});

test('a sandbox key is recognised in every form it is configured in', () => {
  const { evm, svm } = sandboxKeys;
  expect(isSandboxKey(evm.buyer.privateKey)).toBe(true);
  expect(isSandboxKey(` ${evm.buyer.privateKey.slice(2).toUpperCase()}`)).toBe(true);
  expect(isSandboxKey(svm.merchant.privateKeyBase58)).toBe(true);
  expect(isSandboxKey(`0x${'1'.repeat(64)}`)).toBe(false);
});
