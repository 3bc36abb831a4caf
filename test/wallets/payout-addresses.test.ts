import { sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { devnetUsdc, evmNetwork } from '../support/test-facilitator.js';
import { startMerchantScene, type MerchantScene, type TestMerchant, type TestWallet } from './merchant-scene.js';

const solana = 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1';
const usdc = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';

let scene: MerchantScene;
let acme: TestMerchant;
let wallet: TestWallet;

beforeAll(async () => {
  scene = await startMerchantScene();
  acme = await scene.merchant('acme');
  wallet = await acme.wallet('main');
});
afterAll(() => scene.stop());

const sql = () => scene.facilitator.database.database.sql;
const path = () => `/v1/wallets/${wallet.id}/payout-addresses`;
const add = (address: string, network = evmNetwork) => acme.call('POST', path(), { network, address, label: 'bank' });

test('a payout address waits before its first use, removed and registered again it waits again', async () => {
  const address = sandboxKeys.evm.stranger.address;
  const added = await add(address);
  expect(added.status, added.text).toBe(201);
  const { createdAt, usableFrom } = added.body;
  expect(Date.parse(String(usableFrom)) - Date.parse(String(createdAt))).toBe(86_400_000);
  expect((await add(address.toLowerCase())).body).toMatchObject({ code: 'PAYOUT_ADDRESS_EXISTS' });
  expect((await acme.call('GET', path())).body['items']).toEqual([added.body]);

  const removed = await acme.call('DELETE', `${path()}/${String(added.body['id'])}`);
  expect(removed.body).toEqual(added.body);
  expect((await acme.call('DELETE', `${path()}/${String(added.body['id'])}`)).body).toMatchObject({
    code: 'PAYOUT_ADDRESS_NOT_FOUND',
  });
  const again = await add(address);
  expect(again.body['id']).not.toBe(added.body['id']);
  expect(Date.parse(String(again.body['usableFrom']))).toBeGreaterThan(Date.now() + 86_000_000);
});

test('the wait is the merchant’s, and no writer can shorten it', async () => {
  await sql()`UPDATE merchant SET payout_wait = '2 hours' WHERE id = ${acme.id}::uuid`;
  const added = await add(sandboxKeys.evm.treasury.address);
  const { createdAt, usableFrom } = added.body;
  expect(Date.parse(String(usableFrom)) - Date.parse(String(createdAt))).toBe(7_200_000);
  const denied = { code: '42501' };
  await expect(sql()`UPDATE payout_address SET usable_from = now()`).rejects.toMatchObject(denied);
  await expect(
    sql()`INSERT INTO payout_address (id, wallet_id, network, address, label, usable_from)
      VALUES (gen_random_uuid(), ${wallet.id}::uuid, 'x', 'y', 'z', now())`,
  ).rejects.toMatchObject(denied);
});

test.each([
  ['no address', () => ['nonsense', evmNetwork]],
  ['an address with a wrong checksum', () => ['0x9965507d1a55bcC2695C58ba16FB37d819B0A4dc', evmNetwork]],
  ['an address of the other family', () => [sandboxKeys.svm.stranger.address, evmNetwork]],
  ['nobody', () => [`0x${'0'.repeat(40)}`, evmNetwork]],
  ['a deposit address of the wallet', () => [wallet.evm, evmNetwork]],
  ['a deposit address on Solana', () => [wallet.svm, solana]],
  ['the account that signs for us', () => [sandboxKeys.evm.facilitator.address, evmNetwork]],
  ['the fee payer', () => [sandboxKeys.svm.facilitator.address, solana]],
  ['a token', () => [usdc, evmNetwork]],
  ['a mint', () => [devnetUsdc, solana]],
  ['a network that is not served', () => [sandboxKeys.evm.stranger.address, 'eip155:1']],
])('%s is refused', async (_what, address) => {
  const [text = '', network = ''] = address();
  expect(await add(text, network)).toMatchObject({ status: 400, body: { code: 'PAYOUT_ADDRESS_REFUSED' } });
});

test('a wallet has fifty at most, whoever adds them at the same time', async () => {
  const other = await acme.wallet('crowded');
  const addresses = Array.from({ length: 60 }, (_, index) => `0x${(index + 1).toString(16).padStart(40, '0')}`);
  const added = async (address: string): ReturnType<TestMerchant['call']> => {
    const body = { network: evmNetwork, address, label: 'many' };
    const key = { 'idempotency-key': address };
    const answer = await acme.call('POST', `/v1/wallets/${other.id}/payout-addresses`, body, key);
    // On a busy machine the last of them may not get a connection in time; then it asks again, as it is told to.
    return answer.status === 503 ? added(address) : answer;
  };
  const answers = await Promise.all(addresses.map(added));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(50);
  expect(answers.filter(({ body }) => body['code'] === 'PAYOUT_ADDRESS_QUOTA_REACHED')).toHaveLength(10);
});
