import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer } from 'node:net';
import { inspect } from 'node:util';
import { isFault } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Prisma } from './generated/client.js';
import { bigintFromDecimal, type Database, openDatabase } from './index.js';
import { createTestDatabase, type TestDatabase } from './testing/index.js';
import { databaseUrl, withAdmin } from './testing/template-database.js';
import { eventually } from '../../../test/support/eventually.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

async function failureOf(pending: Promise<unknown>): Promise<unknown> {
  return pending.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function withDatabase(parts: { url?: string; role?: string }, use: (database: Database) => Promise<void>) {
  const database = await openDatabase({ url: db.url, onWarning: () => undefined, ...parts });
  try {
    await use(database);
  } finally {
    await database.close();
  }
}

test('a superuser logs in, yet only the application may act', async () => {
  const { sql } = db.database;
  expect(await sql`SELECT session_user::text AS login, current_user::text AS role`).toMatchObject([
    { role: 'tollkeeper_app' },
  ]);
  const forbidden = [
    () => sql`UPDATE transfer SET amount = 1`,
    () => sql`DELETE FROM journal`,
    () => sql`TRUNCATE journal CASCADE`,
    () => sql`UPDATE balance SET credit = 1`,
    () => sql`DROP TABLE payment`,
    () => sql`CREATE TABLE mine (id int)`,
    () => sql`INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('a', 'b', 'c')`,
    () => sql`SELECT * FROM pg_authid`,
  ];
  for (const attempt of forbidden) expect(await failureOf(attempt())).toMatchObject({ code: '42501' });
});

test('the role binds in Prisma and in transactions too', async () => {
  const { database } = db;
  expect(await database.prisma.$queryRaw`SELECT current_user::text AS role`).toEqual([{ role: 'tollkeeper_app' }]);
  await database.transaction(async (sql) => {
    expect(await sql`SELECT current_user::text AS role`).toEqual([{ role: 'tollkeeper_app' }]);
  });
});

test('a server that has no place for another session is waited for', async () => {
  const login = `few_${randomBytes(8).toString('hex')}`;
  await withAdmin(db.ownerUrl, (admin) =>
    admin.query(`CREATE ROLE ${login} LOGIN PASSWORD '${login}' CONNECTION LIMIT 3 IN ROLE tollkeeper_app`),
  );
  const url = new URL(db.url);
  url.username = login;
  url.password = login;
  await withDatabase({ url: url.toString() }, async ({ sql }) => {
    const busy = () => sql<{ login: string }>`SELECT session_user::text AS login, pg_sleep(0.05)::text AS slept`;
    const rows = (await Promise.all(Array.from({ length: 30 }, busy))).flat();
    expect(rows.filter((row) => row.login === login)).toHaveLength(30);
  });
  await withAdmin(db.ownerUrl, (admin) => admin.query(`DROP ROLE ${login}`));
});

test('options in the address do not replace ours', async () => {
  const url = `${db.url}?options=${encodeURIComponent('-c role=none -c work_mem=5MB')}`;
  await withDatabase({ url }, async ({ sql }) => {
    expect(await sql`SELECT current_user::text AS role, current_setting('work_mem') AS memory`).toEqual([
      { role: 'tollkeeper_app', memory: '5MB' },
    ]);
  });
});

test('a connection that acts as somebody else is refused', async () => {
  const proxy = await startProxy(withoutOptions);
  const error = await failureOf(openDatabase({ url: proxy.url, onWarning: () => undefined }));
  expect(isFault(error, 'DATABASE_UNAVAILABLE') && error.facts['expectedRole']).toBe('tollkeeper_app');
  await proxy.close();
});

test('a role that no migration has created yet means that migrations are pending', async () => {
  const error = await failureOf(openDatabase({ url: db.url, role: 'not_yet_there', onWarning: () => undefined }));
  expect(isFault(error, 'MIGRATIONS_PENDING')).toBe(true);
});

test('no failure to connect tells the password', async () => {
  const password = 'correct-horse';
  const { host } = new URL(db.url);
  const addresses = [
    `postgres://tollkeeper:${password}@127.0.0.1:1/tollkeeper`,
    `postgres://tollkeeper:${password}@${host}/tollkeeper`,
    `postgres://tollkeeper:${password}@no-such-host.invalid/tollkeeper`,
    `postgres://tollkeeper:${password}@127.0.0.1:99999999/tollkeeper`,
    `nonsense ${password}`,
  ];
  for (const url of addresses) {
    const error = await failureOf(openDatabase({ url, onWarning: () => undefined }));
    expect(isFault(error, 'DATABASE_UNAVAILABLE')).toBe(true);
    expect(inspect(error, { depth: 10 })).not.toContain(password);
  }
});

test('idle connections that are lost warn, and the next statement has a new one', async () => {
  const onWarning = vi.fn();
  const database = await openDatabase({ url: db.url, poolSize: 2, onWarning });
  await terminateOthers(db.database);
  await eventually(() => expect(onWarning).toHaveBeenCalledWith(expect.stringContaining('lost'), expect.any(Error)));
  await database.check();
  await database.close();
});

test('a statement interrupted by a lost connection is a fault with its cause, and the next one works', async () => {
  await withDatabase({}, async (database) => {
    const interrupted = failureOf(database.sql`SELECT pg_sleep(20)`);
    const asleep = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
    await withAdmin(db.ownerUrl, (admin) =>
      eventually(async () => expect((await admin.query(asleep)).rowCount).toBe(1)),
    );
    await terminateOthers(db.database);
    const error = await interrupted;
    expect(isFault(error, 'DATABASE_UNAVAILABLE')).toBe(true);
    expect((error as Error).cause).toBeInstanceOf(Error);
    expect(await database.sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  });
});

test('a statement that takes too long is a fault, and its connection is kept', async () => {
  const database = await openDatabase({
    url: db.url,
    poolSize: 1,
    statementTimeoutMs: 1_000,
    onWarning: () => undefined,
  });
  const pid = () => database.sql`SELECT pg_backend_pid() AS pid`;
  const before = await pid();
  const error = await failureOf(database.sql`SELECT pg_sleep(30)`);
  expect(isFault(error, 'DATABASE_UNAVAILABLE') && error.facts['sqlState']).toBe('57014');
  expect(await pid()).toEqual(before);
  await database.close();
});

test('a server that falls silent is a fault, and its connection is not given out again', async () => {
  const proxy = await startProxy();
  const parts = { url: proxy.url, poolSize: 1, statementTimeoutMs: 1_000, onWarning: () => undefined };
  const database = await openDatabase(parts);
  proxy.silent = true;
  expect(isFault(await failureOf(database.sql`SELECT 1`), 'DATABASE_UNAVAILABLE')).toBe(true);
  proxy.silent = false;
  expect(await database.sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  await database.close();
  await proxy.close();
});

test('after closing, every use is a fault and closing again is harmless', async () => {
  const database = await openDatabase({ url: db.url, onWarning: () => undefined });
  await database.close();
  await database.close();
  expect(isFault(await failureOf(database.sql`SELECT 1`), 'DATABASE_UNAVAILABLE')).toBe(true);
  expect(isFault(await failureOf(database.check()), 'DATABASE_UNAVAILABLE')).toBe(true);
});

test('the check does not wait for ever for a database that is silent', async () => {
  const database = await openDatabase({ url: db.url, poolSize: 1, onWarning: () => undefined });
  const busy = failureOf(database.sql`SELECT pg_sleep(3)`);
  const error = await failureOf(database.check());
  expect(isFault(error, 'DATABASE_UNAVAILABLE') && error.facts['timeoutMs']).toBe(2_000);
  await busy;
  await database.close();
});

test('Prisma reads the same rows over the same connections, amounts included', async () => {
  const { database } = db;
  const amount = 10n ** 78n - 1n;
  await database.sql`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version)
    VALUES (gen_random_uuid(), 'key', 'exact', 'eip155:84532', 't', ${amount}, 'a', 'b', 2)`;
  const payment = await database.prisma.payment.findFirstOrThrow({ where: { claimKey: 'key' } });
  expect(bigintFromDecimal(payment.amount)).toBe(amount);
});

test('Prisma knows every table and column as the migrations made them', async () => {
  const delegates = db.database.prisma as unknown as Record<string, { findFirst: () => Promise<unknown> }>;
  for (const model of Object.values(Prisma.ModelName)) {
    const delegate = delegates[model.charAt(0).toLowerCase() + model.slice(1)];
    await expect(delegate?.findFirst(), model).resolves.not.toBeUndefined();
  }
});

test('notifications arrive, and after a loss the listener is told to look for itself', async () => {
  const payloads: string[] = [];
  const stop = await db.database.listen('claims', (payload) => {
    payloads.push(payload);
    if (payload === 'poison') throw new Error('not taken');
  });
  const notify = (payload: string) => db.database.sql`SELECT pg_notify('claims', ${payload})`;
  await notify('one');
  await notify('poison');
  await eventually(() => expect(payloads).toEqual(['one', 'poison']));
  await terminateOthers(db.database, 'LISTEN%');
  await eventually(() => expect(payloads).toEqual(['one', 'poison', '']));
  await notify('two');
  await eventually(() => expect(payloads).toEqual(['one', 'poison', '', 'two']));
  await stop();
  await notify('three');
  await db.database.sql`SELECT pg_sleep(0.05)`;
  expect(payloads).not.toContain('three');
});

/** Ends the other sessions of the test's database, by the owner's hand. */
async function terminateOthers(observer: Database, lastStatement = '%'): Promise<void> {
  const [mine] = await observer.sql<{ pid: number; name: string }>`
    SELECT pg_backend_pid() AS pid, current_database()::text AS name`;
  await withAdmin(databaseUrl(db.ownerUrl, 'postgres'), async (admin) => {
    await admin.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
       WHERE datname = $1 AND pid <> $2 AND query LIKE $3`,
      [mine?.name, mine?.pid, lastStatement],
    );
  });
}

interface Proxy {
  readonly url: string;
  /** Whether what the server says is thrown away. */
  silent: boolean;
  readonly close: () => Promise<unknown>;
}

/** Stands between us and the server; `onStartup` may change the first message. */
async function startProxy(onStartup: (startup: Buffer) => Buffer = (startup) => startup): Promise<Proxy> {
  const target = new URL(db.url);
  const { hostname, port } = target;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const ends = [client, upstream];
    for (const end of ends) end.on('error', () => undefined).on('close', () => ends.forEach((each) => each.destroy()));
    client.once('data', (startup) => {
      upstream.write(onStartup(startup));
      client.pipe(upstream);
    });
    upstream.on('data', (answer) => proxy.silent || client.write(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  target.port = String((server.address() as AddressInfo).port);
  const close = () => new Promise((resolve) => server.close(resolve));
  const proxy: Proxy = { url: target.toString(), silent: false, close };
  return proxy;
}

/** As some poolers do. https://www.postgresql.org/docs/current/protocol-message-formats.html, StartupMessage */
function withoutOptions(startup: Buffer): Buffer {
  const words = startup.subarray(8).toString().split('\0').slice(0, -2);
  const kept = words.flatMap((word, index) => (index % 2 === 0 && word !== 'options' ? [word, words[index + 1]] : []));
  const body = Buffer.from(`${kept.join('\0')}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + body.length);
  startup.copy(head, 4, 4, 8);
  return Buffer.concat([head, body]);
}
