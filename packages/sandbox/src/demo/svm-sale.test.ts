import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSolanaChain } from '../solana/index.js';
import type { SolanaChain } from '../solana/index.js';
import { startDemoMerchant } from './demo-merchant.js';
import type { DemoMerchant } from './demo-merchant.js';
import { payLegacy } from './legacy-buyer.js';
import { startLegacyMerchant } from './legacy-merchant.js';
import type { LocalServer } from './local-server.js';
import { startReferenceFacilitator } from './reference-facilitator.js';
import { sandboxKeys } from './sandbox-keys.js';
import { SOLANA_DEVNET } from './solana-devnet.js';
import { payOnce } from './stock-buyer.js';

const { buyer, merchant, reference } = sandboxKeys.svm;
const usdc = '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU';
const path = '/svm/weather';
let chain: SolanaChain;
let facilitator: LocalServer;
let shop: DemoMerchant;
let legacyShop: DemoMerchant;

beforeAll(async () => {
  chain = await startSolanaChain({ slotMs: 100 });
  chain.createToken({ mint: usdc, decimals: 6, program: 'token' });
  chain.fundToken({ mint: usdc, owner: buyer.address, amount: 100_000n });
  chain.fundToken({ mint: usdc, owner: merchant.address, amount: 1n });
  chain.fundSol(reference.address, 1_000_000_000n);
  facilitator = await startReferenceFacilitator({
    svm: { rpcUrl: chain.url, privateKeyBase58: reference.privateKeyBase58 },
  });
  shop = await startDemoMerchant({
    facilitatorUrl: facilitator.url,
    routes: { [path]: { network: SOLANA_DEVNET, payTo: merchant.address } },
  });
  legacyShop = await startLegacyMerchant({
    facilitatorUrl: facilitator.url,
    routes: { [path]: { network: 'solana-devnet', payTo: merchant.address } },
  });
});

afterAll(async () => {
  await Promise.all([shop, legacyShop, facilitator].map((server) => server.stop()));
  await chain.stop();
});

const earned = () => chain.tokenBalance({ mint: usdc, owner: merchant.address });

test('a stock buyer pays a stock merchant on Solana', async () => {
  const before = earned();
  const paid = await payOnce({
    url: shop.url + path,
    svm: { privateKeyBase58: buyer.privateKeyBase58, rpcUrl: chain.url },
  });
  expect(paid).toMatchObject({
    status: 200,
    body: { report: { weather: 'sunny', path } },
    receipt: { success: true, network: SOLANA_DEVNET, payer: buyer.address },
  });
  expect(earned()).toBe(before + 10_000n);
  expect([shop.handlerRuns(path), shop.paidResponses(path)]).toEqual([1, 1]);
});

test('a legacy buyer pays a legacy merchant on Solana', async () => {
  const before = earned();
  const paid = await payLegacy({
    url: legacyShop.url + path,
    svm: { privateKeyBase58: buyer.privateKeyBase58, rpcUrl: chain.url },
  });
  expect(paid).toMatchObject({ status: 200, receipt: { success: true, network: 'solana-devnet' } });
  expect(earned()).toBe(before + 10_000n);
  expect([legacyShop.handlerRuns(path), legacyShop.paidResponses(path)]).toEqual([1, 1]);
});
