import { createFacilitatorClient } from '@tollkeeper/client';
import { composeTenants, createLogger } from '@tollkeeper/facilitator';
import type { SettleAnswer } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runTollkeeper } from '../crash/facilitator-process.js';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { carryOut, createPayer, meddle, moveAway } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest, type WireRequest } from '../support/wire.js';
import { everyPermission } from './support/tenant-service.js';

let facilitator: TestFacilitator;
let keys: { readonly mine: string; readonly mineId: string; readonly other: string; readonly reader: string };
beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
  const { tenants, close } = await composeTenants(facilitator.config, createLogger({ level: 'silent' }));
  const keyOf = async (
    merchant: string,
    permissions: readonly (typeof everyPermission)[number][] = everyPermission,
  ) => {
    const key = await tenants.createKey({ merchant, name: 'server', permissions, expiresAt: null });
    return key;
  };
  await tenants.createMerchant('mine');
  await tenants.createMerchant('other');
  const [mine, other, reader] = [await keyOf('mine'), await keyOf('other'), await keyOf('mine', ['read'])];
  keys = { mine: mine.secret, mineId: mine.id, other: other.secret, reader: reader.secret };
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

/** Asks again for as long as the first request under the key is under way, as a caller does that is told so. */
async function settleInTheEnd(body: WireRequest, headers: Record<string, string>): Promise<Answered> {
  const answer = await settle(body, headers);
  return answer.body.code === 'IDEMPOTENCY_IN_FLIGHT' ? settleInTheEnd(body, headers) : answer;
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

test('a success is kept for its key in the transaction that spends it: no crash in between gives it to another caller too', async () => {
  const { body } = await settle(await freshRequest(facilitator, 'EVM'), named('kept'));
  const rows = await facilitator.database.database.sql`
    SELECT payment.delivered_at IS NOT NULL AS spent, payment.xmin = known.xmin AS together
    FROM payment CROSS JOIN idempotency AS known
    WHERE payment.id = ${String(body.extra?.['paymentId'])}::uuid AND known.key = 'kept' AND known.status = 200`;
  expect(rows).toEqual([{ spent: true, together: true }]);
});

test('a process that slept until another one told its success does not tell it too', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const late = await settleAsleep(request, {
    key: 'slept',
    meanwhile:
      'UPDATE payment SET delivery_lease_holder = gen_random_uuid(), delivered_at = now() WHERE delivered_at IS NULL',
  });
  expect([late.status, late.body.code, late.body.success]).toEqual([409, 'IDEMPOTENCY_IN_FLIGHT', false]);

  const again = await settle(request, named('slept'));
  expect([again.body.errorReason, again.body.transaction]).toEqual([
    'duplicate_settlement',
    expect.stringMatching(/^0x[0-9a-f]{64}$/),
  ]);
  await facilitator.restart();
  expect(await settle(request, named('slept'))).toEqual({ ...again, replayed: 'true' });
});

test('a process that slept until its key went to another call leaves the success to that one', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const late = await settleAsleep(request, {
    key: 'overslept',
    meanwhile: `UPDATE idempotency SET lease_until = now() - interval '1 second', key_id = NULL, request_id = NULL
      WHERE key = 'overslept'`,
  });
  await facilitator.restart();
  expect([late.status, late.body.code, late.body.success]).toEqual([409, 'IDEMPOTENCY_IN_FLIGHT', false]);

  const again = await settle(request, named('overslept'));
  expect(again.body.success).toBe(true);
  expect(await settle(request, named('overslept'))).toEqual({ ...again, replayed: 'true' });
});

interface Entry {
  readonly actor: string;
  readonly keyId: string | null;
  readonly action: string;
  readonly subject: string | null;
  readonly before: unknown;
  readonly after: Readonly<Record<string, unknown>>;
  readonly requestId: string | null;
}

/** What the audit tells of settlements under one idempotency key, the oldest first. */
async function audited(key: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = cursor === '' ? '' : `?cursor=${cursor}`;
    const response = await fetch(`${facilitator.url()}/v1/audit${query}`, { headers: { 'x-api-key': keys.mine } });
    const page = (await response.json()) as { items: Entry[]; nextCursor: string | null };
    entries.push(...page.items);
    cursor = page.nextCursor;
  }
  return entries
    .filter(({ action, after }) => action === 'payment.settle' && after['idempotencyKey'] === key)
    .reverse();
}

/** What the request of a process that died under this key left. */
async function leaveUnanswered(key: string, request: WireRequest): Promise<void> {
  const { sql } = facilitator.database.database;
  await settle(request, named(key));
  await sql`
    INSERT INTO idempotency (merchant_id, route, key, request_hash, key_id, request_id, lease_until)
    SELECT merchant_id, route, ${`${key}, dead`}, request_hash, key_id, 'the dead one', now() - interval '1 second'
    FROM idempotency WHERE key = ${key}`;
}

test('what a key has settled is in the audit of its merchant once, whatever is asked again', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const { body } = await settle(request, named('audited'));
  await settle(request, named('audited'));
  const subject = body.extra?.['paymentId'];
  const { network, payer, amount, transaction } = body;
  expect(await audited('audited')).toEqual([
    expect.objectContaining({
      actor: 'key',
      keyId: keys.mineId,
      subject,
      before: null,
      after: {
        idempotencyKey: 'audited',
        success: true,
        paymentState: 'settled',
        network,
        payer,
        amount,
        transaction,
      },
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    }),
  ]);
});

test('what a hundred calls have asked for at once is in the audit a hundred times, in one whole chain', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const { body } = await settle(request);
  const asked = Array.from({ length: 100 }, (_, index) => `of many ${index}`);
  await Promise.all(asked.map((key) => settle(request, named(key))));
  const entries = await Promise.all(asked.map(audited));
  expect(entries.map((of) => of.map(({ subject }) => subject))).toEqual(asked.map(() => [body.extra?.['paymentId']]));
  // Fails where a chain is broken.
  await runTollkeeper(['audit', 'verify'], { DATABASE_URL: facilitator.database.url, ENVIRONMENT: 'development' });
});

test('a settlement whose process died is in the audit when its request comes again, and is answered then', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  await leaveUnanswered('unlucky', request);
  const other = await freshRequest(facilitator, 'EVM');
  expect((await settle(other, named('unlucky, dead'))).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
  expect(await settle(request, named('unlucky, dead'))).toMatchObject({
    replayed: null,
    body: { errorReason: 'duplicate_settlement' },
  });
  expect(await audited('unlucky, dead')).toMatchObject([
    { keyId: keys.mineId, requestId: 'the dead one', after: { answered: false } },
    { keyId: keys.mineId, after: { success: false, errorReason: 'duplicate_settlement' } },
  ]);
});

test('a settlement whose process died is in the audit once, though its request never comes again', async () => {
  await leaveUnanswered('unlucky again', await freshRequest(facilitator, 'EVM'));
  await facilitator.restart();
  await eventually(async () => expect(await audited('unlucky again, dead')).toHaveLength(1));
  await facilitator.restart();
  await settle(await freshRequest(facilitator, 'EVM'), named('after it'));
  expect(await audited('unlucky again, dead')).toMatchObject([
    { keyId: keys.mineId, requestId: 'the dead one', after: { answered: false } },
  ]);
});

test('callers at once under one key are all told of the one settlement', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const answers = await Promise.all(Array.from({ length: 20 }, () => settleInTheEnd(request, named('crowd'))));
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
  expect((await audited('refused')).map(({ subject, after }) => [subject, after])).toEqual([
    [null, { idempotencyKey: 'refused', success: false, errorReason: first.body.errorReason }],
  ]);
});

test('a failure is told again until somebody else carries the payment out, and then its success is told and kept', async () => {
  const { evm, wallet } = facilitator;
  const payer = await createPayer(evm, { payTo: wallet.evm });
  const stranger = sandboxKeys.evm.stranger.address;
  const broadcasts = facilitator.evmRpc.transactions();
  await stopTime(facilitator, 'EVM');
  const answer = settle(payer.request, named('late money'));
  await eventually(() => expect(facilitator.evmRpc.transactions()).toBe(broadcasts + 1));
  await meddle(evm, moveAway(payer, stranger));
  await resumeTime(facilitator, 'EVM');
  const failed = await answer;
  expect(failed.body).toMatchObject({ success: false, extra: { paymentState: 'unused' } });
  expect((await settle(payer.request, named('late money'))).text).toBe(failed.text);

  await evm.mint({ token: BASE_SEPOLIA_USDC, to: payer.address, amount: 10_000n });
  const theirs = await meddle(evm, carryOut(payer, stranger));
  await eventually(async () => {
    const settled = await settle(payer.request, named('late money'));
    expect(settled.body).toMatchObject({ success: true, transaction: theirs });
  });
  expect(await settle(payer.request, named('late money'))).toMatchObject({ replayed: 'true', body: { success: true } });
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
  expect((await audited('outage')).map(({ after }) => after['success'])).toEqual([false, true]);
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

/** Settles in a process that sleeps for a second with the answer in its hand, while another session changes the database. */
async function settleAsleep(
  request: WireRequest,
  { key, meanwhile }: { readonly key: string; readonly meanwhile: string },
) {
  const other = new pg.Client({ connectionString: facilitator.database.ownerUrl });
  await other.connect();
  let changed: Promise<unknown> = Promise.resolve();
  const checkpoint = (at: string) => {
    if (at !== 'answering') return;
    changed = other.query(meanwhile);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
  };
  await facilitator.restart({ checkpoint });
  const late = await settle(request, named(key));
  await changed;
  await other.end();
  return late;
}
