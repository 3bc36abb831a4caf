import { afterAll, beforeAll, expect, test } from 'vitest';
import { BASE_SEPOLIA_USDC, startEvmChain } from '../evm/evm-chain.js';
import type { EvmChain } from '../evm/evm-chain.js';
import { startDemoMerchant } from './demo-merchant.js';
import type { DemoMerchant } from './demo-merchant.js';
import { payLegacy } from './legacy-buyer.js';
import { startLegacyMerchant } from './legacy-merchant.js';
import type { LocalServer } from './local-server.js';
import { startReferenceFacilitator } from './reference-facilitator.js';
import { sandboxKeys } from './sandbox-keys.js';
import { createStockBuyer, payOnce, readPaidResponse } from './stock-buyer.js';

const { buyer, merchant, reference, stranger } = sandboxKeys.evm;
const path = '/evm/weather';
let chain: EvmChain;
let facilitator: LocalServer;
let shop: DemoMerchant;
let legacyShop: DemoMerchant;

beforeAll(async () => {
  chain = await startEvmChain();
  await chain.mint({ token: BASE_SEPOLIA_USDC, to: buyer.address, amount: 100_000n });
  facilitator = await startReferenceFacilitator({
    evm: { rpcUrl: chain.url, privateKey: reference.privateKey, nonceManager: true, pollingIntervalMs: 20 },
  });
  shop = await startDemoMerchant({
    facilitatorUrl: facilitator.url,
    routes: { [path]: { network: 'eip155:84532', payTo: merchant.address } },
  });
  legacyShop = await startLegacyMerchant({
    facilitatorUrl: facilitator.url,
    routes: { [path]: { network: 'base-sepolia', payTo: merchant.address } },
  });
});

afterAll(async () => {
  await Promise.all([shop, legacyShop, facilitator].map((server) => server.stop()));
  await chain.stop();
});

const earned = () => chain.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: merchant.address });

test('the price is asked for before anything is served', async () => {
  const unpaid = await readPaidResponse(await fetch(shop.url + path));
  expect(unpaid.status).toBe(402);
  expect(unpaid.required?.accepts).toMatchObject([
    { scheme: 'exact', network: 'eip155:84532', amount: '10000', asset: BASE_SEPOLIA_USDC, payTo: merchant.address },
  ]);
  expect([shop.handlerRuns(), shop.paidResponses()]).toEqual([0, 0]);
});

test('a stock buyer pays a stock merchant through the reference facilitator', async () => {
  const before = await earned();
  const paid = await payOnce({ url: shop.url + path, evm: { privateKey: buyer.privateKey } });
  expect(paid).toMatchObject({
    status: 200,
    body: { report: { weather: 'sunny', path } },
    receipt: { success: true, network: 'eip155:84532', payer: buyer.address },
  });
  expect(await chain.rpc('eth_getTransactionReceipt', [paid.receipt?.transaction])).toMatchObject({ status: '0x1' });
  expect(await earned()).toBe(before + 10_000n);
  expect([shop.handlerRuns(path), shop.paidResponses(path), shop.paidResponses('/other')]).toEqual([1, 1, 0]);
});

test('a signed payment can be sent by hand, and a copy of it buys nothing', async () => {
  const before = await earned();
  const wallet = await createStockBuyer({ evm: { privateKey: buyer.privateKey, rpcUrl: chain.url } });
  const { headers, payload } = await wallet.sign(shop.url + path);
  expect(payload.accepted.payTo).toBe(merchant.address);
  const send = async () => readPaidResponse(await fetch(shop.url + path, { headers }));
  expect((await send()).status).toBe(200);
  expect(await send()).toMatchObject({ status: 402, required: { error: 'invalid_exact_evm_nonce_already_used' } });
  expect(await earned()).toBe(before + 10_000n);
});

test('a buyer without money is refused with the reason', async () => {
  const refused = await payOnce({ url: shop.url + path, evm: { privateKey: stranger.privateKey } });
  expect(refused).toMatchObject({ status: 402, required: { error: 'invalid_exact_evm_insufficient_balance' } });
});

test('a legacy buyer pays a legacy merchant', async () => {
  const before = await earned();
  const paid = await payLegacy({ url: legacyShop.url + path, evm: { privateKey: buyer.privateKey } });
  expect(paid).toMatchObject({ status: 200, receipt: { success: true, network: 'base-sepolia' } });
  expect(await earned()).toBe(before + 10_000n);
  expect([legacyShop.handlerRuns(path), legacyShop.paidResponses(path)]).toEqual([1, 1]);
});

test('the reference answers 400 for a missing part and 500 for what it throws', async () => {
  const post = async (body: unknown) => {
    const response = await fetch(`${facilitator.url}/settle`, { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  };
  expect(await post({})).toEqual({
    status: 400,
    body: { error: 'Missing paymentPayload or paymentRequirements' },
  });
  const unknown = { scheme: 'exact', network: 'eip155:1' };
  expect(
    await post({ paymentPayload: { x402Version: 2, accepted: unknown, payload: {} }, paymentRequirements: unknown }),
  ).toMatchObject({ status: 500 });
});
