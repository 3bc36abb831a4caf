import { randomBytes } from 'node:crypto';
import { sandboxKeys } from '@tollkeeper/sandbox';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { evmRequest, freshRequest, settle, verify } from '../support/wire.js';

const signerKey = generatePrivateKey();
let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    env: () => ({
      ENVIRONMENT: 'production',
      WALLET_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
      EVM_PRIVATE_KEY: signerKey,
    }),
  });
  await facilitator.evm.fundEth(privateKeyToAddress(signerKey), 10n ** 18n);
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('production pays no gas for a payment to an address that is not registered', async () => {
  const request = await evmRequest({ payTo: sandboxKeys.evm.merchant.address });
  const before = await tracesOf(facilitator, 'EVM');
  expect(await verify(facilitator.url(), request)).toMatchObject({
    status: 200,
    body: { isValid: false, invalidReason: 'pay_to_not_registered' },
  });
  expect(await settle(facilitator.url(), request)).toMatchObject({
    status: 200,
    body: { success: false, errorReason: 'pay_to_not_registered', transaction: '' },
  });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
});

test('production settles a payment to a deposit address, and credits it', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const before = await tracesOf(facilitator, 'EVM');
  expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 1));
});
