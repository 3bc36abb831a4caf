import { composeWallets, createLogger } from '@tollkeeper/facilitator';
import { baseSepolia } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMerchantScene, type MerchantScene, type TestMerchant } from './merchant-scene.js';

const asset = { network: baseSepolia, token: BASE_SEPOLIA_USDC };

let scene: MerchantScene;
let acme: TestMerchant;

beforeAll(async () => {
  scene = await startMerchantScene({ svm: false });
  acme = await scene.merchant('acme');
});
afterAll(() => scene.stop());

const quote = (query: string) => acme.call('GET', `/v1/fees/quote?${query}`);
const usdc = `network=${baseSepolia}&asset=${BASE_SEPOLIA_USDC}`;

test('a quote is what a payment would cost now, and the operator’s changes stand in the audit', async () => {
  expect((await quote(`${usdc}&amount=10000`)).body).toMatchObject({ fee: '0', net: '10000', terms: null });
  const { fees, close } = await composeWallets(scene.facilitator.config, createLogger({ level: 'silent' }));
  try {
    await fees.setTerms({ merchant: 'acme', asset, rate: { bps: 100n, fixed: 5n }, from: undefined });
    const later = new Date(Date.now() + 3_600_000);
    await fees.setTerms({ merchant: 'acme', asset, rate: { bps: 9_999n, fixed: 0n }, from: later });
    const twice = fees.setTerms({ merchant: 'acme', asset, rate: { bps: 1n, fixed: 0n }, from: later });
    await expect(twice).rejects.toMatchObject({ code: 'FEE_TERMS_REFUSED' });
    expect(await fees.terms('acme')).toHaveLength(2);
    await scene.merchant('partner');
    const referral = { merchant: 'acme', referrer: 'partner', shareBps: 2_000n };
    await fees.refer(referral);
    await expect(fees.refer(referral)).rejects.toMatchObject({ code: 'REFERRAL_REFUSED' });
    expect(await fees.setLimits('acme', { walletQuota: 7 })).toEqual({ walletQuota: 7, payoutWaitHours: 24 });
  } finally {
    await close();
  }
  expect((await quote(`${usdc}&amount=10000`)).body).toMatchObject({
    amount: '10000',
    fee: '105',
    net: '9895',
    terms: { bps: '100', fixed: '5' },
  });
  expect((await quote(`network=base-sepolia&asset=${BASE_SEPOLIA_USDC.toLowerCase()}&amount=3`)).body).toMatchObject({
    asset: BASE_SEPOLIA_USDC,
    fee: '3',
    net: '0',
  });
  const audit = await acme.call('GET', '/v1/audit');
  const actions = (audit.body['items'] as { action: string }[]).map(({ action }) => action);
  expect(actions.slice(0, 4)).toEqual(['merchant.limits', 'referral.set', 'fee_terms.set', 'fee_terms.set']);
});

test.each(['1.5', '-1', '+1', '01', '1e4', '0x10', ' 1', '', '0', '1'.repeat(79), 'NaN'])(
  'an amount of "%s" is refused',
  async (amount) => {
    const answer = await quote(`${usdc}&amount=${encodeURIComponent(amount)}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'REQUEST_MALFORMED' } });
  },
);

test.each([
  ['an asset that is not taken', `network=${baseSepolia}&asset=0x0000000000000000000000000000000000000001`],
  ['an asset of another network', `network=eip155:8453&asset=${BASE_SEPOLIA_USDC}`],
  ['a network that is none', `network=nowhere&asset=${BASE_SEPOLIA_USDC}`],
])('%s is refused', async (_what, query) => {
  expect(await quote(`${query}&amount=1`)).toMatchObject({ status: 400, body: { code: 'ASSET_UNKNOWN' } });
});
