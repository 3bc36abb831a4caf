import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTenantService, type Answered, type TenantService, type TestTenant } from './support/tenant-service.js';
import { thingsOf } from './support/things-of-a-tenant.js';

let service: TenantService;
let tenant: TestTenant;
let sender: string;
let receiver: string;
beforeAll(async () => {
  service = await startTenantService();
});
afterAll(() => service.stop());
beforeEach(async () => {
  tenant = await service.createTenant();
  const things = await thingsOf(service, tenant);
  sender = things['walletId'] ?? '';
  const [other] = await service.database.database.sql<{ id: string }>`
    SELECT id FROM wallet WHERE merchant_id = ${tenant.id}::uuid AND id <> ${sender}::uuid`;
  receiver = other?.id ?? '';
});

const asset = { network: 'eip155:84532', asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };

interface Transfer {
  readonly idempotencyKey: string;
  readonly amount?: string;
  readonly key?: string;
}

const transfer = ({ idempotencyKey, amount = '1000', key = tenant.secret }: Transfer): Promise<Answered> =>
  service.call('POST', '/v1/transfers', {
    key,
    headers: { 'idempotency-key': idempotencyKey },
    body: { senderWalletId: sender, receiverWalletId: receiver, ...asset, amount },
  });

/** Asks again while the first request under the key is under way, or no connection is free, as a caller does that is told so. */
async function transferInTheEnd(request: Transfer): Promise<Answered> {
  const answer = await transfer(request);
  const isOver = answer.body['code'] !== 'IDEMPOTENCY_IN_FLIGHT' && answer.status !== 503;
  return isOver ? answer : transferInTheEnd(request);
}

/** What the tenant sent to its other wallet, as the ledger has it. */
async function sent(amount: bigint): Promise<number> {
  const [row] = await service.database.database.sql<{ transfers: number }>`
    SELECT count(*)::int AS transfers FROM wallet_transfer
    WHERE sender_wallet_id = ${sender}::uuid AND receiver_wallet_id = ${receiver}::uuid AND amount = ${amount}::numeric`;
  return row?.transfers ?? -1;
}

test('a hundred requests with one key at once move the money once and are answered with the same bytes', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => transferInTheEnd({ idempotencyKey: 'one' })));
  expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  expect(answers[0]?.status).toBe(201);
  expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(99);
  expect(await sent(1000n)).toBe(1);
  const entries = await service.database.database.sql`
    SELECT sequence FROM audit_entry WHERE merchant_id = ${tenant.id}::uuid AND action = 'transfer.create'`;
  expect(entries).toHaveLength(1);
});

test('another body under the key is refused and moves nothing', async () => {
  await transfer({ idempotencyKey: 'two' });
  const other = await transfer({ idempotencyKey: 'two', amount: '1001' });
  expect([other.status, other.body['code']]).toEqual([409, 'IDEMPOTENCY_KEY_REUSED']);
  expect(await sent(1001n)).toBe(0);
});

test('while another request works under the key, a repeat is told so and when to ask again', async () => {
  const { database } = service.database;
  const held = new EventEmitter();
  const working = once(held, 'working');
  const holding = database.transaction(async (sql) => {
    // What the service locks for as long as it works.
    const name = createHash('sha256').update(JSON.stringify([tenant.id, 'POST /v1/transfers', 'slow']));
    await sql`SELECT pg_advisory_xact_lock(${name.digest().readBigInt64BE()}::bigint)`;
    const isOver = once(held, 'over');
    held.emit('working');
    await isOver;
  });
  await working;
  const { status, body, headers } = await transfer({ idempotencyKey: 'slow' });
  held.emit('over');
  await holding;
  expect([status, body['code'], headers['retry-after']]).toEqual([409, 'IDEMPOTENCY_IN_FLIGHT', '1']);
  expect(await sent(1000n)).toBe(0);
  expect((await transfer({ idempotencyKey: 'slow' })).status).toBe(201);
});

test('a refusal is answered again, to the byte, although the money is there by then', async () => {
  const refused = await transfer({ idempotencyKey: 'three', amount: '999999999999' });
  expect([refused.status, refused.body['code']]).toEqual([409, 'BALANCE_INSUFFICIENT']);
  expect(refused.headers['content-type']).toContain('application/problem+json');
  const again = await transfer({ idempotencyKey: 'three', amount: '999999999999' });
  expect(again.text).toBe(refused.text);
  expect(again.headers['idempotency-replayed']).toBe('true');
  expect(again.headers['content-type']).toBe(refused.headers['content-type']);
});

test('a request that was malformed used no key', async () => {
  expect((await transfer({ idempotencyKey: 'four', amount: '1.5' })).status).toBe(400);
  const toNobody = { senderWalletId: sender, ...asset, amount: '1000' };
  const headers = { 'idempotency-key': 'four' };
  const refused = await service.call('POST', '/v1/transfers', { key: tenant.secret, headers, body: toNobody });
  expect([refused.status, refused.body['detail']]).toEqual([400, expect.stringContaining('receiverWalletId')]);
  expect((await transfer({ idempotencyKey: 'four' })).status).toBe(201);
});

test('the same key of another key of the merchant is the same, and of another merchant another', async () => {
  const first = await transfer({ idempotencyKey: 'five' });
  const second = await service.tenants.createKey({
    merchant: tenant.name,
    name: 'second',
    permissions: ['write'],
    expiresAt: null,
  });
  expect((await transfer({ idempotencyKey: 'five', key: second.secret })).text).toBe(first.text);
  const stranger = await service.createTenant();
  const foreign = await transfer({ idempotencyKey: 'five', key: stranger.secret });
  expect([foreign.status, foreign.body['code']]).toEqual([404, 'WALLET_NOT_FOUND']);
});

test.each(['0', '-1', '1.5', '1e3', '0x10', ' 1', '01', '', '9'.repeat(79), 1000, null])(
  'the amount %j is refused by name',
  async (amount) => {
    const answer = await transfer({ idempotencyKey: 'amounts', amount: amount as string });
    expect([answer.status, answer.body['code']]).toEqual([400, 'REQUEST_MALFORMED']);
    expect(answer.body['detail']).toContain('amount');
  },
);
