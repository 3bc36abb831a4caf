import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { amount, baseMainnet, baseSepolia, type Authorization, type Network } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPayToPolicy } from './pay-to-policy.js';

const deposit = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65';
let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  const [merchant, wallet] = [randomUUID(), randomUUID()];
  await db.database.transaction(async (sql) => {
    await sql`INSERT INTO merchant (id, name) VALUES (${merchant}::uuid, 'acme')`;
    await sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${wallet}::uuid, ${merchant}::uuid, 'main')`;
    await sql`
      INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
      VALUES (${baseSepolia}, ${deposit}, ${wallet}::uuid, '', 1)`;
  });
});
afterAll(() => db.drop());

function paymentTo(payTo: string, network: Network = baseSepolia): Authorization {
  const asset = { network, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };
  return { scheme: 'exact', claimKey: '00', payer: '0xpayer', payTo, asset, amount: amount(1n) };
}

const policyOf = (environment: 'development' | 'production') =>
  createPayToPolicy({ environment, database: db.database });

test('production pays the gas of payments to a deposit address', async () => {
  expect(await policyOf('production')(paymentTo(deposit))).toBeUndefined();
});

test.each<[string, Authorization]>([
  ['an address that is not registered', paymentTo('0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc')],
  ['the same address on another network', paymentTo(deposit, baseMainnet)],
  ['a text that is none', paymentTo("' OR true --")],
])('production refuses %s and says what to do', async (_what, authorization) => {
  expect(await policyOf('production')(authorization)).toEqual({
    reason: 'pay_to_not_registered',
    detail: expect.stringContaining('create a wallet') as string,
  });
});

test('callers at the same time each get the answer about their own address', async () => {
  const policy = policyOf('production');
  const stranger = '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc';
  const asked = [deposit, stranger, deposit, deposit].map((payTo) => policy(paymentTo(payTo)));
  const answers = await Promise.all([...asked, policy(paymentTo(deposit, baseMainnet))]);
  expect(answers.map((answer) => answer?.reason)).toEqual([
    undefined,
    'pay_to_not_registered',
    undefined,
    undefined,
    'pay_to_not_registered',
  ]);
});

test('development pays for anybody', async () => {
  expect(await policyOf('development')(paymentTo('0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc'))).toBeUndefined();
});

test('nobody pays a closed wallet, wherever that is', async () => {
  await db.database.sql`UPDATE wallet SET closed_at = now()`;
  for (const environment of ['production', 'development'] as const) {
    expect(await policyOf(environment)(paymentTo(deposit))).toEqual({
      reason: 'pay_to_not_registered',
      detail: expect.stringContaining('closed') as string,
    });
  }
});
