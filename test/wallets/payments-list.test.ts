import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTenantService, type TenantService, type TestTenant } from '../tenants/support/tenant-service.js';

const network = 'eip155:84532';
const usdc = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';

let service: TenantService;
let acme: TestTenant;
let other: TestTenant;
let walletId: string;
let foreignWalletId: string;

const sql = () => service.database.database.sql;

beforeAll(async () => {
  service = await startTenantService();
  [acme, other] = [await service.createTenant('acme'), await service.createTenant('other')];
  walletId = await walletWith(acme, 3_000);
  foreignWalletId = await walletWith(other, 50);
});
afterAll(() => service.stop());

/** Payments a second apart, of three payers, in two tokens; every hundredth failed. */
async function walletWith(tenant: TestTenant, payments: number): Promise<string> {
  const id = randomUUID();
  await sql()`INSERT INTO wallet (id, merchant_id, name) VALUES (${id}::uuid, ${tenant.id}::uuid, 'main')`;
  await sql()`
    INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
    VALUES (${network}, ${`0x${id}`}, ${id}::uuid, '', 1)`;
  await sql()`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, state, failure_reason,
      transaction, claimed_at, concluded_at)
    SELECT gen_random_uuid(), ${id} || n, 'exact', ${network}, CASE WHEN n % 2 = 0 THEN ${usdc} ELSE 'odd' END, n,
      'payer' || n % 3, ${`0x${id}`}, 2, CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'settled' END,
      CASE WHEN n % 100 = 0 THEN 'insufficient_funds' END, 'hash' || n, now() - make_interval(secs => n), now()
    FROM generate_series(1, ${payments}::integer) AS n`;
  return id;
}

async function all(query: string): Promise<readonly Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  let cursor = '';
  do {
    const { body, text } = await service.call('GET', `/v1/payments?limit=100${query}${cursor}`, { key: acme.secret });
    if (!Array.isArray(body['items'])) expect.fail(text);
    found.push(...(body['items'] as Record<string, unknown>[]));
    cursor = typeof body['nextCursor'] === 'string' ? `&cursor=${body['nextCursor']}` : '';
  } while (cursor !== '');
  return found;
}

test('every payment is on one page and no other, the newest first', async () => {
  const found = await all('');
  expect(found.map(({ amount }) => Number(amount))).toEqual(Array.from({ length: 3_000 }, (_, index) => index + 1));
  expect(found[0]).toMatchObject({ walletId, state: 'settled', finality: null, fee: null, net: null });
});

test('filters may be combined', async () => {
  expect(await all('&state=failed')).toHaveLength(30);
  expect(await all('&payer=payer1')).toHaveLength(1_000);
  expect(await all('&asset=odd')).toHaveLength(1_500);
  expect(await all(`&asset=${usdc.toLowerCase()}`)).toHaveLength(1_500);
  expect(await all(`&walletId=${walletId}&asset=${usdc}&state=failed&payer=payer2`)).toHaveLength(10);
  const [newest] = await all('');
  const to = String(newest?.['claimedAt']);
  const from = new Date(Date.parse(to) - 10_500).toISOString();
  expect(await all(`&from=${from}&to=${new Date(Date.parse(to) + 1).toISOString()}`)).toHaveLength(11);
  expect(await all('&payer=nobody')).toEqual([]);
});

test('a payment is read by its id, by its merchant alone', async () => {
  const [payment] = await all('');
  const path = `/v1/payments/${String(payment?.['id'])}`;
  expect((await service.call('GET', path, { key: acme.secret })).body).toEqual(payment);
  expect((await service.call('GET', path, { key: other.secret })).body).toMatchObject({ code: 'PAYMENT_NOT_FOUND' });
});

test.each([
  ['state=lost', 400, 'REQUEST_MALFORMED'],
  ['limit=0', 400, 'REQUEST_MALFORMED'],
  ['limit=101', 400, 'REQUEST_MALFORMED'],
  ['from=yesterday', 400, 'REQUEST_MALFORMED'],
  ['from=0000-01-01T00:00:00Z', 400, 'REQUEST_MALFORMED'],
  ['unknown=1', 400, 'REQUEST_MALFORMED'],
  ['cursor=abc', 400, 'CURSOR_INVALID'],
  ['walletId=00000000-0000-4000-8000-000000000000', 404, 'WALLET_NOT_FOUND'],
])('%s is answered %s', async (query, status, code) => {
  const answer = await service.call('GET', `/v1/payments?${query}`, { key: acme.secret });
  expect(answer).toMatchObject({ status, body: { code } });
});

test('a cursor serves its own list and its own merchant, unaltered', async () => {
  const { body } = await service.call('GET', '/v1/payments?limit=1', { key: acme.secret });
  const cursor = String(body['nextCursor']);
  const tampered = `${cursor.startsWith('A') ? 'B' : 'A'}${cursor.slice(1)}`;
  for (const [key, given] of [
    [acme.secret, tampered],
    [other.secret, cursor],
  ] as const) {
    const answer = await service.call('GET', `/v1/payments?cursor=${given}`, { key });
    expect(answer).toMatchObject({ status: 400, body: { code: 'CURSOR_INVALID' } });
  }
  const elsewhere = await service.call('GET', `/v1/wallets?cursor=${cursor}`, { key: acme.secret });
  expect(elsewhere.body).toMatchObject({ code: 'CURSOR_INVALID' });
  const foreign = await service.call('GET', `/v1/payments?walletId=${foreignWalletId}`, { key: acme.secret });
  expect(foreign.body).toMatchObject({ code: 'WALLET_NOT_FOUND' });
});
