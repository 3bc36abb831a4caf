import { sandboxKeys } from '@tollkeeper/sandbox';
import type { DemoMerchant } from '@tollkeeper/sandbox/demo';
import { payLegacy, startLegacyMerchant } from '@tollkeeper/sandbox/legacy';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';

const { evm, svm } = sandboxKeys;
let facilitator: TestFacilitator;
let shop: DemoMerchant;

beforeAll(async () => {
  facilitator = await startTestFacilitator();
  const { wallet } = facilitator;
  shop = await startLegacyMerchant({
    facilitatorUrl: facilitator.url(),
    routes: {
      '/EVM': { network: 'base-sepolia', payTo: wallet.evm },
      '/Solana': { network: 'solana-devnet', payTo: wallet.svm },
    },
  });
});
afterAll(async () => {
  await shop.stop();
  await facilitator.stop();
});
afterEach(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a stock buyer of version 1 pays a stock merchant of version 1 on EVM', async () => {
  const before = await tracesOf(facilitator, 'EVM');
  const paid = await payLegacy({ url: `${shop.url}/EVM`, evm: { privateKey: evm.buyer.privateKey } });
  expect(paid).toMatchObject({
    status: 200,
    body: { report: { weather: 'sunny' } },
    receipt: { success: true, network: 'base-sepolia', payer: evm.buyer.address },
  });
  expect([shop.handlerRuns('/EVM'), shop.paidResponses('/EVM')]).toEqual([1, 1]);
  expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 1));
});

test('a stock buyer of version 1 pays a stock merchant of version 1 on Solana', async () => {
  const before = await tracesOf(facilitator, 'Solana');
  const { privateKeyBase58 } = svm.buyer;
  const paid = await payLegacy({ url: `${shop.url}/Solana`, svm: { privateKeyBase58, rpcUrl: facilitator.svm.url } });
  expect(paid).toMatchObject({
    status: 200,
    body: { report: { weather: 'sunny' } },
    receipt: { success: true, network: 'solana-devnet', payer: svm.buyer.address },
  });
  expect([shop.handlerRuns('/Solana'), shop.paidResponses('/Solana')]).toEqual([1, 1]);
  expect(await tracesOf(facilitator, 'Solana')).toEqual(withPayments(before, 1));
});

test('a stock merchant of version 1 tells a buyer without money why nothing was sold', async () => {
  const before = await tracesOf(facilitator, 'EVM');
  const runs = shop.handlerRuns();
  const refused = await payLegacy({ url: `${shop.url}/EVM`, evm: { privateKey: evm.stranger.privateKey } });
  expect(refused).toMatchObject({ status: 402, body: { error: 'invalid_exact_evm_insufficient_balance' } });
  expect(shop.handlerRuns()).toBe(runs);
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
});
