import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFault } from '@tollkeeper/protocol';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { migrate, openDatabase, pendingMigrations } from './index.js';
import { databaseUrl, withAdmin } from './testing/template-database.js';

const serverUrl = process.env['TEST_DATABASE_URL'] ?? '';
const folders: string[] = [];
const databases: string[] = [];

let ownerUrl: string;
let folder: string;

beforeEach(async () => {
  const name = `migrate_${randomUUID().replaceAll('-', '')}`;
  await withAdmin(serverUrl, (admin) => admin.query(`CREATE DATABASE ${name}`));
  databases.push(name);
  ownerUrl = databaseUrl(serverUrl, name);
  folder = mkdtempSync(join(tmpdir(), 'tollkeeper-migrations-'));
  folders.push(folder);
});
afterEach(async () => {
  for (const name of databases.splice(0)) {
    await withAdmin(serverUrl, (admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`));
  }
});
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

async function write(name: string, sql: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'migration.sql'), sql);
}

async function ask<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
  return withAdmin(ownerUrl, async (admin) => (await admin.query<Row>(sql)).rows);
}

async function faultOf(pending: Promise<unknown>): Promise<unknown> {
  const error: unknown = await pending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isFault(error) ? { code: error.code, ...error.facts } : error;
}

const run = () => migrate({ ownerUrl, folder });

test('migrations apply in order, once, and are recorded as Prisma records them', async () => {
  const second = 'INSERT INTO fruit VALUES (1); INSERT INTO fruit VALUES (2);';
  await write('20260102000000_second', second);
  await write('20260101000000_first', 'CREATE TABLE fruit (id int);');
  const seen: string[] = [];
  const first = await migrate({ ownerUrl, folder, onApplied: (name) => seen.push(name) });
  expect(first).toEqual({ applied: ['20260101000000_first', '20260102000000_second'], already: 0 });
  expect(seen).toEqual(first.applied);
  expect(await run()).toEqual({ applied: [], already: 2 });
  expect(await ask('SELECT count(*)::int AS n FROM fruit')).toEqual([{ n: 2 }]);

  const [record] = await ask(`SELECT * FROM _prisma_migrations WHERE migration_name = '20260102000000_second'`);
  expect(record).toMatchObject({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    checksum: createHash('sha256').update(second).digest('hex'),
    logs: null,
    rolled_back_at: null,
    applied_steps_count: 1,
    started_at: expect.any(Date) as Date,
    finished_at: expect.any(Date) as Date,
  });
});

test('the table of records is the one that Prisma creates', async () => {
  await run();
  const columns = await ask<{ text: string }>(`
    SELECT column_name || ' ' || data_type || coalesce('(' || character_maximum_length || ')', '') ||
           CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END || coalesce(' ' || column_default, '') AS text
    FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY ordinal_position`);
  expect(columns.map(({ text }) => text)).toEqual([
    'id character varying(36) NOT NULL',
    'checksum character varying(64) NOT NULL',
    'finished_at timestamp with time zone',
    'migration_name character varying(255) NOT NULL',
    'logs text',
    'rolled_back_at timestamp with time zone',
    'started_at timestamp with time zone NOT NULL now()',
    'applied_steps_count integer NOT NULL 0',
  ]);
});

test('an applied migration whose file changed is refused, and nothing after it is applied', async () => {
  await write('1_first', 'CREATE TABLE fruit (id int);');
  await run();
  await write('1_first', 'CREATE TABLE fruit (id bigint);');
  await write('2_second', 'CREATE TABLE nut (id int);');
  expect(await faultOf(run())).toEqual({ code: 'MIGRATION_ALTERED', migration: '1_first' });
  expect(await ask(`SELECT to_regclass('nut') AS nut`)).toEqual([{ nut: null }]);
});

test('a failing migration leaves nothing, and the next run tries it again', async () => {
  await write('1_first', 'CREATE TABLE fruit (id int);');
  await write('2_second', 'CREATE TABLE nut (id int); SELECT 1 / 0;');
  expect(await faultOf(run())).toMatchObject({ migration: '2_second', detail: 'division by zero' });
  expect(await ask(`SELECT to_regclass('nut') AS nut`)).toEqual([{ nut: null }]);
  expect(await ask('SELECT migration_name AS name FROM _prisma_migrations')).toEqual([{ name: '1_first' }]);
  await write('2_second', 'CREATE TABLE nut (id int);');
  expect(await run()).toEqual({ applied: ['2_second'], already: 1 });
});

test('runners that start together apply each migration once', async () => {
  await write('1_first', 'CREATE TABLE fruit (id int); SELECT pg_sleep(0.1);');
  await write('2_second', 'INSERT INTO fruit VALUES (1);');
  const results = await Promise.all([run(), run(), run(), run()]);
  expect(results.flatMap(({ applied }) => applied).sort()).toEqual(['1_first', '2_second']);
  expect(await ask('SELECT id FROM fruit')).toEqual([{ id: 1 }]);
});

test('a migration may opt out of the transaction, for statements that refuse one', async () => {
  await write('1_first', 'CREATE TABLE fruit (id int);');
  await write('2_index', '-- tollkeeper: without transaction\nCREATE INDEX CONCURRENTLY fruit_id ON fruit (id);');
  expect((await run()).applied).toHaveLength(2);
  expect(await ask(`SELECT to_regclass('fruit_id')::text AS index`)).toEqual([{ index: 'fruit_id' }]);
});

test('a migration left half done stops every later run until somebody has looked', async () => {
  await write('1_first', 'CREATE TABLE fruit (id int); INSERT INTO fruit VALUES (1), (1);');
  const index = '-- tollkeeper: without transaction\nCREATE UNIQUE INDEX CONCURRENTLY fruit_id ON fruit (id);';
  await write('2_index', index);
  expect(await faultOf(run())).toMatchObject({ migration: '2_index' });
  const [record] = await ask<{ logs: string }>('SELECT logs FROM _prisma_migrations WHERE finished_at IS NULL');
  expect(record?.logs).toContain('could not create unique index');
  expect(await faultOf(run())).toMatchObject({
    code: 'MIGRATIONS_PENDING',
    migration: '2_index',
    detail: expect.stringContaining('never finished') as string,
  });
  await ask('DROP INDEX fruit_id');
  await ask('TRUNCATE fruit');
  await ask(`UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '2_index'`);
  expect(await run()).toEqual({ applied: ['2_index'], already: 1 });
});

test('the application sees what is pending, before and after the first migration', async () => {
  await write('1_first', 'GRANT USAGE ON SCHEMA public TO tollkeeper_app;');
  const database = await openDatabase({ url: ownerUrl, onWarning: () => undefined });
  const pending = () => pendingMigrations({ sql: database.sql, folder });
  expect(await pending()).toEqual(['1_first']);
  await run();
  expect(await pending()).toEqual([]);
  await write('2_second', 'SELECT 1;');
  expect(await pending()).toEqual(['2_second']);
  await database.close();
});

test("this repository's own migrations apply to an empty database", async () => {
  const { applied } = await migrate({ ownerUrl });
  expect(applied[0]).toBe('20261120000000_foundation');
  expect(await ask('SELECT count(*)::int AS n FROM payment')).toEqual([{ n: 0 }]);
});
