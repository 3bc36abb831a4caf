import { createFacilitatorClient } from '@tollkeeper/client';
import { composeTenants, createLogger } from '@tollkeeper/facilitator';
import type { SettleAnswer } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest, type WireRequest } from '../support/wire.js';
import { everyPermission } from './support/tenant-service.js';

let facilitator: TestFacilitator;
let keys: { readonly mine: string; readonly other: string; readonly reader: string };
beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
  const { tenants, close } = await composeTenants(facilitator.config, createLogger({ level: 'silent' }));
  const keyOf = async (
    merchant: string,
    permissions: readonly (typeof everyPermission)[number][] = everyPermission,
  ) => {
    const key = await tenants.createKey({ merchant, name: 'server', permissions, expiresAt: null });
    return key.secret;
  };
  await tenants.createMerchant('mine');
  await tenants.createMerchant('other');
  keys = { mine: await keyOf('mine'), other: await keyOf('other'), reader: await keyOf('mine', ['read']) };
  await close();
});
afterAll(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
  await facilitator.stop();
});

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly replayed: string | null;
  readonly retryAfter: string | null;
  readonly body: SettleAnswer & { readonly code?: string };
}

async function settle(body: WireRequest, headers: Record<string, string> = {}): Promise<Answered> {
  const response = await fetch(`${facilitator.url()}/settle`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const replayed = response.headers.get('idempotency-replayed');
  const retryAfter = response.headers.get('retry-after');
  return { status: response.status, text, replayed, retryAfter, body: JSON.parse(text) as Answered['body'] };
}

const named = (key: string, apiKey = keys.mine) => ({ 'idempotency-key': key, 'x-api-key': apiKey });

test('a settlement under a key is answered with the same bytes as often as it is asked for', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const first = await settle(request, named('sale'));
  expect([first.status, first.body.success, first.replayed]).toEqual([200, true, null]);
  for (let time = 0; time < 3; time += 1) {
    expect(await settle(request, named('sale'))).toEqual({ ...first, replayed: 'true' });
  }
  await facilitator.restart();
  expect(await settle(request, named('sale'))).toEqual({ ...first, replayed: 'true' });
  expect((await settle(request)).body).toMatchObject({ success: false, errorReason: 'duplicate_settlement' });
});

test('callers at once under one key are all told of the one settlement', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const answers = await Promise.all(Array.from({ length: 20 }, () => settle(request, named('crowd'))));
  expect(answers.filter(({ body }) => body.success && body.transaction !== '')).toHaveLength(20);
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect(answers.filter(({ replayed }) => replayed === null)).toHaveLength(1);
});

test('while the first is under way a repeat is told so, and when to ask again', async () => {
  const [request, other] = [await freshRequest(facilitator, 'EVM'), await freshRequest(facilitator, 'EVM')];
  await stopTime(facilitator, 'EVM');
  const first = settle(request, named('slow'));
  await eventually(async () => {
    const { sql } = facilitator.database.database;
    expect(await sql`SELECT FROM idempotency WHERE key = 'slow'`).toHaveLength(1);
  });
  const repeat = await settle(request, named('slow'));
  expect([repeat.status, repeat.body.code, repeat.retryAfter]).toEqual([409, 'IDEMPOTENCY_IN_FLIGHT', '1']);
  expect((await settle(other, named('slow'))).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
  await resumeTime(facilitator, 'EVM');
  const { text, body } = await first;
  expect(body.success).toBe(true);
  expect(await settle(request, named('slow'))).toMatchObject({ text, replayed: 'true' });
});

test('the success is sold once: under another key, or of another merchant, it is a duplicate, and stays one', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  expect((await settle(request)).body.success).toBe(true);
  for (const headers of [named('late'), named('late', keys.other)]) {
    const late = await settle(request, headers);
    expect(late.body).toMatchObject({ success: false, errorReason: 'duplicate_settlement' });
    expect(await settle(request, headers)).toEqual({ ...late, replayed: 'true' });
  }
});

test('a key with another payment is refused, and nothing is settled', async () => {
  const [one, two] = [await freshRequest(facilitator, 'EVM'), await freshRequest(facilitator, 'EVM')];
  expect((await settle(one, named('one'))).body.success).toBe(true);
  const refused = await settle(two, named('one'));
  expect([refused.status, refused.body.code, refused.body.success]).toEqual([409, 'IDEMPOTENCY_KEY_REUSED', false]);
  expect((await settle(two, named('two'))).body.success).toBe(true);
});

test('a refusal is answered again, although its cause is gone', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const { paymentRequirements } = request;
  const unfit = { ...request, paymentRequirements: { ...paymentRequirements, amount: '10001' } };
  const first = await settle(unfit, named('refused'));
  expect(first.body.success).toBe(false);
  expect(await settle(unfit, named('refused'))).toEqual({ ...first, replayed: 'true' });
});

test('the client asks for the recorded answer with its key', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const client = createFacilitatorClient({ url: facilitator.url(), apiKey: keys.mine });
  const first = await client.settle(request, { idempotencyKey: 'by the client' });
  expect(first.success).toBe(true);
  expect(await client.settle(request, { idempotencyKey: 'by the client' })).toEqual(first);
  expect(await client.settle(request)).toMatchObject({ errorReason: 'duplicate_settlement' });
});

test('an outage leaves the key free', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  facilitator.evmRpc.use(() => ({ kind: 'drop' }));
  const during = await settle(request, named('outage'));
  facilitator.evmRpc.reset();
  expect(during.body.success).toBe(false);
  expect(during.status).toBe(503);
  expect((await settle(request, named('outage'))).body.success).toBe(true);
});

test.each([
  ['an unknown API key', () => named('x', 'sk_test_nobody'), 401, 'API_KEY_UNKNOWN'],
  ['a key that may only read', () => named('x', keys.reader), 403, 'PERMISSION_DENIED'],
  ['an idempotency key that is too long', () => named('x'.repeat(256)), 400, 'IDEMPOTENCY_KEY_REQUIRED'],
])('%s settles nothing', async (_name, headers, status, code) => {
  const request = await freshRequest(facilitator, 'EVM');
  const refused = await settle(request, headers());
  expect([refused.status, refused.body.code, refused.body.success]).toEqual([status, code, false]);
  expect((await settle(request)).body.success).toBe(true);
});
