import type { SettleAnswer } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import { createStockBuyer, SOLANA_DEVNET, startDemoMerchant, type DemoMerchant } from '@tollkeeper/sandbox/demo';
import { Keypair } from '@solana/web3.js';
import type { RpcTransaction } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { devnetUsdc, evmNetwork, startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { revertedTransactions, tracesOf, withPayments } from '../support/traces.js';
import { evmRequest, families, freshRequest, inVersion1, settle, svmRequest } from '../support/wire.js';

let facilitator: TestFacilitator;
let shop: DemoMerchant;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: { slotMs: 400 },
    env: () => ({ SETTLE_WAIT_MS: '60000', REPLACE_AFTER_MS: '600000' }),
  });
  shop = await startDemoMerchant({
    facilitatorUrl: facilitator.url(),
    routes: {
      '/EVM': { network: evmNetwork, payTo: facilitator.wallet.evm },
      '/Solana': { network: SOLANA_DEVNET, payTo: facilitator.wallet.svm },
    },
  });
});
afterAll(async () => {
  await shop.stop();
  await facilitator.stop();
});
afterEach(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
  expect(await revertedTransactions(facilitator.evm)).toEqual([]);
  expect(facilitator.svm.landedTransactions().filter(({ err }) => err !== null)).toEqual([]);
});

const times = <Result>(count: number, make: (index: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

test.each(families)('50 settle calls for one authorization on %s make one payment and one success', async (family) => {
  const request = await freshRequest(facilitator, family);
  const before = await tracesOf(facilitator, family);

  const answers = await times(50, (index) => {
    return settle(facilitator.url(), index % 2 === 0 ? request : inVersion1(request));
  });

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  const [success, ...others] = answers.map(({ body }) => body).filter((body) => body.success);
  expect(others).toEqual([]);
  const duplicates = answers.filter(({ body }) => !body.success);
  expect(duplicates).toHaveLength(49);
  for (const { body } of duplicates) {
    expect(body).toMatchObject({
      errorReason: 'duplicate_settlement',
      transaction: success?.transaction,
      extra: success?.extra,
    });
  }
  expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
});

test.each(families)('50 copies of one signed header buy one answer of a stock merchant on %s', async (family) => {
  const buyer = await createStockBuyer({
    evm: { privateKey: sandboxKeys.evm.buyer2.privateKey },
    svm: { privateKeyBase58: sandboxKeys.svm.buyer2.privateKeyBase58, rpcUrl: facilitator.svm.url },
  });
  const url = `${shop.url}/${family}`;
  const { headers } = await buyer.sign(url);
  const before = await tracesOf(facilitator, family);

  const statuses = await times(50, async () => (await fetch(url, { headers })).status);

  expect(statuses.sort()).toEqual([200, ...Array.from({ length: 49 }, () => 402)]);
  expect(shop.paidResponses(`/${family}`)).toBe(1);
  expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
});

test.each(families)('30 payments at once are all settled on %s', async (family) => {
  const requests = await times(30, () => freshRequest(facilitator, family));
  const before = await tracesOf(facilitator, family);

  const answers = await Promise.all(requests.map((request) => settle(facilitator.url(), request)));

  expect(answers.filter(({ body }) => !body.success)).toEqual([]);
  expect(new Set(answers.map(({ body }) => body.transaction)).size).toBe(30);
  expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 30));
});

test('payments at once take account nonces without a gap', async () => {
  const requests = await times(10, () => freshRequest(facilitator, 'EVM'));
  const { address } = sandboxKeys.evm.facilitator;
  const next = Number(await facilitator.evm.rpc('eth_getTransactionCount', [address, 'latest']));

  const answers = await Promise.all(requests.map((request) => settle(facilitator.url(), request)));

  const nonces = await Promise.all(answers.map(({ body }) => accountNonceOf(body)));
  expect(nonces.sort((a, b) => a - b)).toEqual(requests.map((_, index) => next + index));
});

async function accountNonceOf({ transaction }: SettleAnswer): Promise<number> {
  const sent = (await facilitator.evm.rpc('eth_getTransactionByHash', [transaction])) as RpcTransaction;
  return Number(sent.nonce);
}

test('an EVM payer who signs away more than the balance costs nobody a reverted transaction', async () => {
  const privateKey = generatePrivateKey();
  const to = privateKeyToAddress(privateKey);
  await facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to, amount: 25_000n });
  const requests = await times(6, () => evmRequest({ payTo: facilitator.wallet.evm, privateKey }));
  const before = await tracesOf(facilitator, 'EVM');

  // While nothing is mined, each of the six holds when it is looked at alone.
  await facilitator.evm.rpc('evm_setAutomine', [false]);
  const refused: SettleAnswer[] = [];
  const answers = requests.map(async (request) => {
    const { body } = await settle(facilitator.url(), request);
    if (!body.success) refused.push(body);
    return body;
  });
  await eventually(() => expect(refused).toHaveLength(4));
  await facilitator.evm.rpc('evm_setAutomine', [true]);
  await facilitator.evm.mine();

  expect((await Promise.all(answers)).filter(({ success }) => success)).toHaveLength(2);
  for (const body of refused) {
    expect(body).toMatchObject({ errorReason: 'invalid_exact_evm_insufficient_balance', transaction: '' });
  }
  expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 2));
});

test('a Solana payer who signs away more than the balance costs nobody a failed transaction', async () => {
  const payer = Keypair.generate();
  facilitator.svm.fundToken({ mint: devnetUsdc, owner: payer.publicKey.toBase58(), amount: 25_000n });
  const requests = await times(6, () => svmRequest(facilitator.svm, { payTo: facilitator.wallet.svm, payer }));
  const before = await tracesOf(facilitator, 'Solana');

  const answers = await Promise.all(requests.map((request) => settle(facilitator.url(), request)));

  expect(answers.filter(({ body }) => body.success)).toHaveLength(2);
  for (const { body } of answers.filter((answer) => !answer.body.success)) {
    expect(body).toMatchObject({ errorReason: 'invalid_exact_svm_transaction_simulation_failed', transaction: '' });
  }
  expect(await tracesOf(facilitator, 'Solana')).toEqual(withPayments(before, 2));
});

test('money that has moved and is not booked yet is not counted against the payer twice', async () => {
  const privateKey = generatePrivateKey();
  const payer = privateKeyToAddress(privateKey);
  await facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to: payer, amount: 20_000n });
  const [first, second] = await times(2, () => evmRequest({ payTo: facilitator.wallet.evm, privateKey }));
  const before = await tracesOf(facilitator, 'EVM');
  const broadcasts = (count: number) =>
    eventually(() => expect(facilitator.evmRpc.transactions()).toBe(before.broadcasts + count));

  await facilitator.evm.rpc('evm_setAutomine', [false]);
  const answers = [settle(facilitator.url(), first)];
  await broadcasts(1);
  await facilitator.database.database.transaction(async (sql) => {
    // Whoever wants to book the first payment waits for this lock.
    await sql`SELECT id FROM payment WHERE payer = ${payer} FOR UPDATE`;
    await facilitator.evm.rpc('evm_setAutomine', [true]);
    await facilitator.evm.mine();
    answers.push(settle(facilitator.url(), second));
    await broadcasts(2);
  });

  expect((await Promise.all(answers)).map(({ body }) => body.success)).toEqual([true, true]);
  expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 2));
});
