import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLedger } from '@tollkeeper/ledger';
import { amount, baseSepolia } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startTenantService, type TenantService, type TestTenant } from '../tenants/support/tenant-service.js';

interface Money {
  readonly pending: string;
  readonly available: string;
}
interface Statement {
  readonly from: string;
  readonly to: string;
  readonly opening: readonly Money[];
  readonly entries: readonly { readonly change: Money; readonly balance: Money; readonly type: string }[];
  readonly closing: readonly Money[];
}

const asset = { network: baseSepolia, token: BASE_SEPOLIA_USDC };
const manyLines = 100_000;
const linesOfPage = 500;

let service: TenantService;
let acme: TestTenant;
let url: string;

beforeAll(async () => {
  service = await startTenantService();
  acme = await service.createTenant('acme');
  url = await service.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => service.stop());

const database = () => service.database.database;

async function wallet(): Promise<string> {
  const id = randomUUID();
  await database().sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${id}::uuid, ${acme.id}::uuid, ${id})`;
  return id;
}

async function post(walletId: string, scope: string, legs: 'in' | 'final' | 'both', key = randomUUID() as string) {
  const ledger = createLedger({ database: database() });
  const pending = { kind: 'merchant_pending', owner: walletId } as const;
  const incoming = {
    debit: { kind: 'custody', owner: 'address' },
    credit: pending,
    asset,
    amount: amount(10n),
  } as const;
  const final = { ...incoming, debit: pending, credit: { kind: 'merchant_available', owner: walletId } } as const;
  await database().transaction(async (sql) => {
    await ledger.post(sql, {
      scope,
      key,
      legs: legs === 'in' ? [incoming] : legs === 'final' ? [final] : [incoming, final],
    });
  });
}

async function statement(walletId: string, query: string): Promise<Statement> {
  const { status, text, body } = await service.call('GET', `/v1/wallets/${walletId}/statement?${query}`, {
    key: acme.secret,
  });
  expect(status, text).toBe(200);
  return body as unknown as Statement;
}

test('what a period ends with, the next begins with, and the lines lead from one to the other', async () => {
  const id = await wallet();
  await post(id, 'effect', 'both');
  let stopped = false;
  const posters = [1, 2, 3].map(async () => {
    while (!stopped) await post(id, 'effect', 'both');
  });
  let from = '2026-01-01T00:00:00.000Z';
  let before: readonly Money[] = [];
  for (let period = 0; period < 10; period += 1) {
    const to = new Date().toISOString();
    const { opening, entries, closing } = await statement(id, `from=${from}&to=${to}`);
    if (period > 0 && before.length > 0) expect(opening).toEqual(before);
    const sum = { pending: BigInt(opening[0]?.pending ?? 0), available: BigInt(opening[0]?.available ?? 0) };
    for (const { change, balance } of entries) {
      sum.pending += BigInt(change.pending);
      sum.available += BigInt(change.available);
      expect(balance).toEqual({ pending: String(sum.pending), available: String(sum.available) });
    }
    if (closing.length > 0) expect(closing[0]).toMatchObject(entries.at(-1)?.balance ?? opening[0] ?? {});
    [from, before] = [to, closing];
  }
  stopped = true;
  await Promise.all(posters);
  expect(before).not.toEqual([]);
});

test('a period that is over says the same whenever it is asked', async () => {
  const id = await wallet();
  await post(id, 'effect', 'both');
  const period = `from=2026-01-01T00:00:00Z&to=${new Date().toISOString()}`;
  const first = await statement(id, period);
  await post(id, 'effect', 'both');
  expect(await statement(id, period)).toEqual(first);
});

test('CSV is no formula, wherever its text comes from', async () => {
  const id = await wallet();
  const texts = ['=1+1', '+cmd', '-2+3', '@SUM(A1)', '\t=1', 'a,"b"', 'plain'];
  for (const text of texts) await post(id, text, 'in', `${text}${id}`);
  const { text, headers } = await service.call(
    'GET',
    `/v1/wallets/${id}/statement?from=2026-01-01T00:00:00Z&format=csv`,
    {
      key: acme.secret,
    },
  );
  expect(headers['content-type']).toBe('text/csv; charset=utf-8');
  expect(headers['content-disposition']).toMatch(/^attachment; filename="statement-.*\.csv"$/);
  const cells = text.split('\r\n').flatMap((line) => line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/));
  const dangerous = cells.filter((cell) => /^"?[=+\-@\t\r]/.test(cell) && !/^-?\d+$/.test(cell));
  expect(dangerous).toEqual([]);
  expect(text).toContain(`'=1+1,'=1+1${id}`);
  expect(text).toContain(`"a,""b"""`);
});

test('history is paged from the newest back, without a gap while more is posted', async () => {
  const id = await wallet();
  for (let count = 0; count < 7; count += 1) await post(id, 'effect', 'both');
  const journals: string[] = [];
  let cursor = '';
  do {
    const { body } = await service.call('GET', `/v1/wallets/${id}/history?limit=3${cursor}`, { key: acme.secret });
    journals.push(
      ...(body['items'] as { journal: string; leg: number }[]).map(({ journal, leg }) => `${journal}/${leg}`),
    );
    cursor = typeof body['nextCursor'] === 'string' ? `&cursor=${body['nextCursor']}` : '';
    await post(id, 'effect', 'in');
  } while (cursor !== '');
  expect(journals).toHaveLength(14);
  expect(new Set(journals).size).toBe(14);
  // Their numbers would tell how much everybody posts.
  for (const journal of journals) expect(journal).toMatch(/^[0-9a-f]{32}\/[01]$/);
  expect(new Set(journals.map((journal) => journal.slice(0, 32))).size).toBe(7);
});

test.each([
  ['statement', 400, 'REQUEST_MALFORMED'],
  ['statement?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 400, 'REQUEST_MALFORMED'],
  ['statement?from=0000-01-01T00:00:00Z', 400, 'REQUEST_MALFORMED'],
  ['statement?from=2026-01-01T00:00:00Z&format=xml', 400, 'REQUEST_MALFORMED'],
  ['history?cursor=xyz', 400, 'CURSOR_INVALID'],
  ['history?limit=1000', 400, 'REQUEST_MALFORMED'],
])('%s is answered %s', async (path, status, code) => {
  const answer = await service.call('GET', `/v1/wallets/${await wallet()}/${path}`, { key: acme.secret });
  expect(answer).toMatchObject({ status, body: { code } });
});

test('a wallet that has received nothing has an empty statement', async () => {
  const { opening, entries, closing } = await statement(await wallet(), 'from=2026-01-01T00:00:00Z');
  expect({ opening, entries, closing }).toEqual({ opening: [], entries: [], closing: [] });
});

test('a hundred thousand lines stream in little memory, and wait for a reader that is slow', async () => {
  const id = await wallet();
  await post(id, 'effect', 'both');
  await fill(id);
  const path = `/v1/wallets/${id}/statement?from=2026-01-01T00:00:00Z&format=csv`;
  const headers = { 'x-api-key': acme.secret };
  await (await fetch(`${url}${path}`, { headers })).text();

  const heldMemory = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed + process.memoryUsage().external;
  };
  const before = heldMemory();
  let [lines, chunks, growth] = [0, 0, 0];
  const response = await fetch(`${url}${path}`, { headers });
  for await (const chunk of response.body ?? []) {
    for (const byte of chunk as Uint8Array) if (byte === 10) lines += 1;
    chunks += 1;
    if (chunks % 20 === 0) growth = Math.max(growth, heldMemory() - before);
  }
  expect(lines).toBe(manyLines + 2 + 2 + 1);
  // How long it takes, and how much lies about before it is collected, is a matter for the benchmark.
  expect(chunks).toBeGreaterThan(200);
  expect(growth).toBeLessThan(10e6);

  const queriesBefore = await pagesRead();
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${acme.secret}\r\n\r\n`);
  try {
    await eventually(async () => expect(await pagesRead()).toBeGreaterThan(queriesBefore));
    // Out of 200 pages, what the sockets of both sides take in, which differs from system to system.
    expect((await settledPages()) - queriesBefore).toBeLessThan(190);
  } finally {
    socket.destroy();
  }
});

/** Memory that nobody used any more before is no growth. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** As many lines as a busy month has, without a posting for each. */
async function fill(id: string): Promise<void> {
  const lines = manyLines;
  await database().transaction(async (sql) => {
    await sql`
      INSERT INTO journal (scope, idempotency_key, body_hash)
      SELECT 'effect', ${id} || '/' || n, '' FROM generate_series(1, ${lines}::integer) AS n`;
    await sql`
      INSERT INTO transfer (journal_id, leg, asset_id, debit_account_id, credit_account_id, amount)
      SELECT journal.id, 0, credited.asset_id, debited.id, credited.id, 1
      FROM journal, account AS credited JOIN account AS debited ON debited.asset_id = credited.asset_id
      WHERE journal.scope = 'effect' AND journal.idempotency_key LIKE ${id} || '/%' AND credited.owner = ${id}
        AND credited.kind = 'merchant_pending' AND debited.kind = 'custody'`;
  });
}

/** How many pages of legs were read, by how often journals were looked up for them. */
async function pagesRead(): Promise<number> {
  const [row] = await database().sql<{ reads: bigint }>`
    SELECT coalesce(sum(idx_scan), 0) AS reads FROM pg_stat_user_indexes WHERE relname = 'journal'`;
  return Number(row?.reads ?? 0) / linesOfPage;
}

async function settledPages(): Promise<number> {
  let before = -1;
  let now = await pagesRead();
  await eventually(async () => {
    [before, now] = [now, await pagesRead()];
    expect(now).toBe(before);
  });
  return now;
}
