import { randomUUID } from 'node:crypto';
import { EventEmitter, once as onceEmitted } from 'node:events';
import { openDatabase, type Database } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { createLedger, type Ledger } from '@tollkeeper/ledger';
import { amount, baseSepolia, Fault, isFault } from '@tollkeeper/protocol';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startCommitRelay } from '../../../../test/ledger/commit-relay.js';
import { createAsTenant, type AsTenant, type TenantTransaction } from '../tenancy/as-tenant.js';
import { answerOnce } from './answer-once.js';
import { createAnswerRetention } from './answer-retention.js';
import { hashOfRequest } from './idempotent-request.js';

let testDatabase: TestDatabase;
let database: Database;
let owner: Database;
let ledger: Ledger;
let merchantId: string;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = testDatabase.database;
  const role = decodeURIComponent(new URL(testDatabase.ownerUrl).username);
  owner = await openDatabase({ url: testDatabase.ownerUrl, role, poolSize: 2, onWarning: () => undefined });
  ledger = createLedger({ database });
});
afterAll(async () => {
  await owner.close();
  await testDatabase.drop();
});
beforeEach(async () => {
  merchantId = randomUUID();
  await database.sql`INSERT INTO merchant (id, name) VALUES (${merchantId}::uuid, ${merchantId})`;
});

const asset = { network: baseSepolia, token: '0xusdc' };

/** Credits the merchant seven units, as a money route would. Every run would be another event. */
async function credit({ service }: TenantTransaction): Promise<{ status: number; contentType: string; body: string }> {
  const custody = { kind: 'custody', owner: merchantId } as const;
  const available = { kind: 'merchant_available', owner: merchantId } as const;
  const { journalId } = await service((sql) =>
    ledger.post(sql, {
      scope: 'test',
      key: randomUUID(),
      legs: [{ debit: custody, credit: available, asset, amount: amount(7n) }],
    }),
  );
  return { status: 201, contentType: 'application/json', body: JSON.stringify({ journal: journalId.toString() }) };
}

const mustNotRun = () => Promise.reject(new Error('the work ran again'));

interface Call {
  readonly key?: string;
  readonly route?: string;
  readonly merchantId?: string;
  readonly request?: unknown;
  readonly work?: (transaction: TenantTransaction) => ReturnType<typeof credit>;
  readonly on?: Database;
  readonly asTenant?: AsTenant;
}

const once = (call: Call = {}) =>
  answerOnce(
    {
      merchantId: call.merchantId ?? merchantId,
      route: call.route ?? 'POST /v1/things',
      key: call.key ?? 'key',
      requestHash: hashOfRequest(call.request ?? { amount: '7' }),
    },
    {
      asTenant: call.asTenant ?? createAsTenant(call.on ?? database),
      work: call.work ?? credit,
      describe: (fault) => ({ status: fault.status, contentType: 'application/problem+json', body: fault.code }),
    },
  );

/** Asks again while the first call with the key is under way, or no connection is free, as a caller does that is told so. */
const onceInTheEnd = (call: Call): ReturnType<typeof once> =>
  once(call).catch((error: unknown) => {
    if (!isFault(error, 'IDEMPOTENCY_IN_FLIGHT') && !isFault(error, 'DATABASE_UNAVAILABLE')) throw error;
    return onceInTheEnd(call);
  });

async function balance(): Promise<bigint> {
  const balances = await ledger.balancesOf([merchantId]);
  return balances.find(({ kind }) => kind === 'merchant_available')?.balance ?? 0n;
}

const failure = (code: 'BALANCE_INSUFFICIENT' | 'DATABASE_UNAVAILABLE') => async (transaction: TenantTransaction) => {
  await credit(transaction);
  throw new Fault(code);
};

describe('the same key', () => {
  test(
    'a hundred times at once, in two processes, is one journal and a hundred identical answers',
    { timeout: 120_000 },
    async () => {
      const second = await openDatabase({ url: testDatabase.url, onWarning: () => undefined });
      const calls = Array.from({ length: 100 }, (_, index) =>
        onceInTheEnd({ on: index % 2 === 0 ? database : second }),
      );
      const answers = await Promise.all(calls);
      expect(new Set(answers.map(({ answer }) => JSON.stringify(answer))).size).toBe(1);
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(await balance()).toBe(7n);
      await second.close();
    },
  );

  test('is answered while another repeat is still reading its answer', async () => {
    await once();
    const asTenant = createAsTenant(database);
    const reader = new EventEmitter();
    const [read, end] = [onceEmitted(reader, 'read'), onceEmitted(reader, 'end')];
    const slow = once({
      asTenant: (merchant, work) =>
        asTenant(merchant, async (transaction) => {
          const attempt = await work(transaction);
          reader.emit('read');
          await end;
          return attempt;
        }),
    });
    await read;
    expect(await once({ work: mustNotRun })).toMatchObject({ replayed: true });
    reader.emit('end');
    expect(await slow).toMatchObject({ replayed: true });
  });

  test('with another request is refused and moves nothing', async () => {
    await once();
    const other = once({ request: { amount: '8' }, work: mustNotRun });
    await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    expect(await balance()).toBe(7n);
  });

  test('with the same request in another order of its fields is the same', async () => {
    const first = await once({ request: { a: 1, b: { c: 2, d: 3 } } });
    const again = await once({ request: { b: { d: 3, c: 2 }, a: 1 }, work: mustNotRun });
    expect(again).toEqual({ ...first, replayed: true });
  });

  test('on another route, or of another merchant, is another key', async () => {
    await once();
    await once({ route: 'POST /v1/others' });
    expect(await balance()).toBe(14n);
    const stranger = randomUUID();
    await database.sql`INSERT INTO merchant (id, name) VALUES (${stranger}::uuid, ${stranger})`;
    expect(await once({ merchantId: stranger, request: { amount: '9' } })).toMatchObject({ replayed: false });
  });
});

describe('a refusal', () => {
  test('is stored, takes back what was written, and is not tried again', async () => {
    const first = await once({ work: failure('BALANCE_INSUFFICIENT') });
    expect(first).toMatchObject({ replayed: false, answer: { status: 409, body: 'BALANCE_INSUFFICIENT' } });
    expect(await once({ work: mustNotRun })).toEqual({ ...first, replayed: true });
    expect(await balance()).toBe(0n);
  });

  test('by the database itself is stored too', async () => {
    const first = await once({
      work: async ({ sql }) => {
        await sql`SELECT 1 / 0`.catch(() => undefined);
        throw new Fault('BALANCE_INSUFFICIENT');
      },
    });
    expect(await once({ work: mustNotRun })).toEqual({ ...first, replayed: true });
  });

  test('that asking again can help is not stored', async () => {
    await expect(once({ work: failure('DATABASE_UNAVAILABLE') })).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
    expect(await balance()).toBe(0n);
    expect(await once()).toMatchObject({ replayed: false });
    expect(await balance()).toBe(7n);
  });
});

test('a repeat is told when the first takes too long, and holds no connection meanwhile', async () => {
  const [gate, started] = [new EventEmitter(), new EventEmitter()];
  const isStarted = onceEmitted(started, 'start');
  const first = once({
    work: async (transaction) => {
      started.emit('start');
      await onceEmitted(gate, 'open');
      return credit(transaction);
    },
  });
  await isStarted;
  const repeats = await Promise.allSettled(Array.from({ length: 30 }, () => once({ work: mustNotRun })));
  for (const repeat of repeats) {
    expect(repeat).toMatchObject({ status: 'rejected', reason: { code: 'IDEMPOTENCY_IN_FLIGHT', retryable: true } });
  }
  gate.emit('open');
  expect(await first).toMatchObject({ replayed: false });
  expect(await once({ work: mustNotRun })).toMatchObject({ replayed: true });
});

test('a crash before the commit leaves neither money nor answer', async () => {
  const crashing = await openDatabase({ url: testDatabase.url, onWarning: () => undefined });
  const crashed = once({
    on: crashing,
    work: async (transaction) => {
      const answer = await credit(transaction);
      const [row] = await transaction.sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`;
      await owner.sql`SELECT pg_terminate_backend(${row?.pid ?? 0})`;
      return answer;
    },
  });
  await expect(crashed).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  await crashing.close();
  expect(await balance()).toBe(0n);
  expect(await once()).toMatchObject({ replayed: false });
  expect(await balance()).toBe(7n);
});

test.each([
  ['arrived and was not answered', 'answer', true],
  ['never arrived', 'commit', false],
] as const)('a repeat after a commit that %s moves the money once', async (_what, loss, replayed) => {
  const relay = await startCommitRelay(testDatabase.url);
  const relayed = await openDatabase({ url: relay.url, onWarning: () => undefined });
  relay.lose(loss);
  await expect(once({ on: relayed })).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  expect(await once({ on: relayed })).toMatchObject({ replayed });
  expect(await balance()).toBe(7n);
  await relayed.close();
  await relay.stop();
});

test('an answer is kept as it was given for 30 days, whoever wants it gone', async () => {
  await once();
  for (const { sql } of [database, owner]) {
    await expect(sql`UPDATE idempotency SET body = 'other'`).rejects.toThrow('kept as it was given');
    await expect(sql`DELETE FROM idempotency WHERE created_at <= now()`).rejects.toThrow('kept as it was given');
  }
  await owner.sql`ALTER TABLE idempotency DISABLE TRIGGER USER`;
  await owner.sql`UPDATE idempotency SET created_at = now() - interval '31 days'`;
  await owner.sql`ALTER TABLE idempotency ENABLE TRIGGER USER`;
  const log = pino({ level: 'silent' });
  await once({ key: 'young' });
  await createAnswerRetention({ database, log }).lookAfter();
  expect(await database.sql`SELECT key FROM idempotency`).toEqual([{ key: 'young' }]);
});
