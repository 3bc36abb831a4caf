import { isFault } from '@tollkeeper/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isCheckViolation, isUniqueViolation, json, openDatabase, sqlStateOf } from './index.js';
import { createTestDatabase, type TestDatabase } from './testing/index.js';
import { withAdmin } from './testing/template-database.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

test('columns are read without losing a digit', async () => {
  const [row] = await db.database.sql`
    SELECT 9223372036854775807::int8 AS big, count(*) AS total, 7::int4 AS small, 1.50::numeric AS fraction,
           ${'1' + '0'.repeat(77)}::numeric(78, 0) AS huge, -5::numeric AS negative, 'NaN'::numeric AS nan,
           ARRAY[1, NULL, 123456789012345678901234567890]::numeric[] AS numerics, ARRAY[1, 2]::int8[] AS bigs,
           decode('00ff', 'hex') AS bytes, '2026-01-02T03:04:05.678Z'::timestamptz AS at, '{"a":[1]}'::jsonb AS document,
           NULL::text AS nothing`;
  expect(row).toEqual({
    big: 9223372036854775807n,
    total: 1n,
    small: 7,
    fraction: '1.50',
    huge: 10n ** 77n,
    negative: -5n,
    nan: 'NaN',
    numerics: [1n, null, 123456789012345678901234567890n],
    bigs: [1n, 2n],
    bytes: Buffer.from([0, 255]),
    at: new Date('2026-01-02T03:04:05.678Z'),
    document: { a: [1] },
    nothing: null,
  });
});

test('every kind of parameter arrives as it was', async () => {
  const at = new Date('1999-12-31T23:59:59.999Z');
  const bytes = new Uint8Array([1, 2, 3]).subarray(1);
  const texts = ['a,b', '"', null, 'NULL', '', '{}', '\\"\\', ' '];
  const [row] = await db.database.sql`
    SELECT ${'o\'"\\'}::text AS text, ${10n ** 70n}::numeric AS amount, ${1.5}::float8 AS ratio, ${true}::boolean AS yes,
           ${null}::text AS nothing, ${at}::timestamptz AS at, ${bytes}::bytea AS bytes, ${json(['a', null])}::jsonb AS list,
           ${[3n, 4n]}::int8[] AS bigs, ${texts}::text[] AS texts, ${[bytes]}::bytea[] AS blobs,
           ${[at]}::timestamptz[] AS times, ${[true, null]}::boolean[] AS flags, ${[-1.5, null]}::float8[] AS ratios, ${[json({ a: 1 })]}::jsonb[] AS documents`;
  expect(row).toEqual({
    text: 'o\'"\\',
    amount: 10n ** 70n,
    ratio: 1.5,
    yes: true,
    nothing: null,
    at,
    bytes: Buffer.from([2, 3]),
    list: ['a', null],
    bigs: [3n, 4n],
    texts,
    blobs: [Buffer.from([2, 3])],
    times: [at],
    flags: [true, null],
    ratios: [-1.5, null],
    documents: [{ a: 1 }],
  });
});

test('any text stays a value and never becomes SQL', async () => {
  const anyText = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
  await fc.assert(
    fc.asyncProperty(anyText, async (text) => {
      const rows = await db.database.sql`SELECT ${text}::text AS text, ${[text]}::text[] AS texts`;
      expect(rows).toEqual([{ text, texts: [text] }]);
    }),
    { numRuns: 200 },
  );
});

test('any integer of up to 78 digits makes the round trip', async () => {
  const limit = 10n ** 78n - 1n;
  await fc.assert(
    fc.asyncProperty(fc.bigInt(-limit, limit), async (amount) => {
      expect(await db.database.sql`SELECT ${amount}::numeric(78, 0) AS amount`).toEqual([{ amount }]);
    }),
    { numRuns: 200 },
  );
});

test('a value that is no parameter is refused before anything is sent', async () => {
  const wrong = [undefined, { a: 1 }, [[1]]] as unknown as string[];
  for (const value of wrong) await expect(db.database.sql`SELECT ${value}`).rejects.toThrow(TypeError);
});

test('a violated constraint is told by its name, and the connection stays in the pool', async () => {
  const { sql } = db.database;
  const pid = async () => (await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`)[0]?.pid;
  const before = await pid();
  const insert = (name: string) =>
    sql`INSERT INTO merchant (id, name) VALUES (gen_random_uuid(), ${name})`.then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(await insert('Alice')).toBeUndefined();
  const duplicate = await insert('Alice');
  expect(isUniqueViolation(duplicate)).toBe(true);
  expect(isUniqueViolation(duplicate, 'merchant_name_key')).toBe(true);
  expect(isUniqueViolation(duplicate, 'merchant_pkey')).toBe(false);
  expect(isCheckViolation(duplicate)).toBe(false);
  expect(sqlStateOf(duplicate)).toBe('23505');
  expect(isCheckViolation(await insert(''), 'merchant_name_check')).toBe(true);
  expect(await pid()).toBe(before);
});

test('a statement whose table a migration changed is a fault at most once on each connection', async () => {
  const alter = (sql: string) => withAdmin(db.ownerUrl, (admin) => admin.query(sql));
  await alter('CREATE TABLE fruit (id int); GRANT SELECT ON fruit TO tollkeeper_app');
  const database = await openDatabase({ url: db.url, poolSize: 1, onWarning: () => undefined });
  const read = () => database.sql`SELECT * FROM fruit`;
  expect(await read()).toEqual([]);
  await alter('ALTER TABLE fruit ADD COLUMN name text');
  const error: unknown = await read().catch((reason: unknown) => reason);
  expect(isFault(error, 'DATABASE_UNAVAILABLE')).toBe(true);
  expect(await read()).toEqual([]);
  await database.close();
});
