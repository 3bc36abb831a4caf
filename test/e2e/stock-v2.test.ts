import { sandboxKeys } from '@tollkeeper/sandbox';
import { createStockBuyer, SOLANA_DEVNET, startDemoMerchant, type DemoMerchant } from '@tollkeeper/sandbox/demo';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { devnetUsdc, evmNetwork, startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import type { Family } from '../support/wire.js';

const { merchant: externalMerchant, stranger } = sandboxKeys.evm;
let facilitator: TestFacilitator;
let shop: DemoMerchant;

beforeAll(async () => {
  facilitator = await startTestFacilitator();
  const { wallet } = facilitator;
  facilitator.svm.fundToken({ mint: devnetUsdc, owner: sandboxKeys.svm.merchant.address, amount: 1n });
  shop = await startDemoMerchant({
    facilitatorUrl: facilitator.url(),
    routes: {
      '/EVM': { network: evmNetwork, payTo: wallet.evm },
      '/Solana': { network: SOLANA_DEVNET, payTo: wallet.svm },
      '/EVM/external': { network: evmNetwork, payTo: externalMerchant.address },
      '/Solana/external': { network: SOLANA_DEVNET, payTo: sandboxKeys.svm.merchant.address },
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

const sandboxBuyer = () =>
  createStockBuyer({
    evm: { privateKey: sandboxKeys.evm.buyer.privateKey },
    svm: { privateKeyBase58: sandboxKeys.svm.buyer.privateKeyBase58, rpcUrl: facilitator.svm.url },
  });

const sales = [
  { family: 'EVM', network: evmNetwork, payer: sandboxKeys.evm.buyer.address },
  { family: 'Solana', network: SOLANA_DEVNET, payer: sandboxKeys.svm.buyer.address },
] as const satisfies readonly { family: Family; network: string; payer: string }[];

test.each(sales)('a stock buyer pays a stock merchant on $family, and the ledger has it', async (sale) => {
  const { family, network, payer } = sale;
  const before = await tracesOf(facilitator, family);

  const paid = await (await sandboxBuyer()).pay(`${shop.url}/${family}`);

  expect(paid).toMatchObject({
    status: 200,
    body: { report: { weather: 'sunny' } },
    receipt: {
      success: true,
      network,
      payer,
      amount: '10000',
      transaction: expect.stringMatching(/^\w{64,}$/) as string,
    },
  });
  expect([shop.handlerRuns(`/${family}`), shop.paidResponses(`/${family}`)]).toEqual([1, 1]);
  expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
});

test.each(sales)('a payment to an address outside our custody is relayed on $family and not credited', async (sale) => {
  const path = `/${sale.family}/external`;
  const before = await tracesOf(facilitator, sale.family);

  const paid = await (await sandboxBuyer()).pay(shop.url + path);

  expect(paid).toMatchObject({ status: 200, receipt: { success: true } });
  expect([shop.handlerRuns(path), shop.paidResponses(path)]).toEqual([1, 1]);
  const after = await tracesOf(facilitator, sale.family);
  expect(after).toMatchObject({
    broadcasts: before.broadcasts + 1,
    payments: before.payments + 1,
    credited: before.credited,
  });
  const effects = await facilitator.database.database.sql`
    SELECT amount, journal_id FROM effect WHERE transaction = ${paid.receipt?.transaction ?? ''}`;
  expect(effects).toEqual([{ amount: 10_000n, journal_id: null }]);
});

test('a stock merchant tells a buyer without money why nothing was sold', async () => {
  const before = await tracesOf(facilitator, 'EVM');
  const runs = shop.handlerRuns();
  const buyer = await createStockBuyer({ evm: { privateKey: stranger.privateKey } });

  const refused = await buyer.pay(`${shop.url}/EVM`);

  expect(refused).toMatchObject({ status: 402, required: { error: 'invalid_exact_evm_insufficient_balance' } });
  expect(shop.handlerRuns()).toBe(runs);
  expect(await tracesOf(facilitator, 'EVM')).toEqual(before);
});

test('a copy of a paid request buys nothing from a stock merchant', async () => {
  const { headers } = await (await sandboxBuyer()).sign(`${shop.url}/EVM`);
  const before = await tracesOf(facilitator, 'EVM');
  const sold = shop.paidResponses('/EVM');

  expect((await fetch(`${shop.url}/EVM`, { headers })).status).toBe(200);
  expect((await fetch(`${shop.url}/EVM`, { headers })).status).toBe(402);

  expect(shop.paidResponses('/EVM')).toBe(sold + 1);
  expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 1));
});
