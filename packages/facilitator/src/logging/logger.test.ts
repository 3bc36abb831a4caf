import { PassThrough } from 'node:stream';
import { openDatabase } from '@tollkeeper/database';
import { createTestDatabase } from '@tollkeeper/database/testing';
import { Fault } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { secret } from '../config/secret.js';
import { createLogger, type Logger } from './logger.js';

const hidden = 'correct-horse-battery-staple';

/** What a piece of code writes to the log. */
async function linesOf(write: (log: Logger) => unknown): Promise<string> {
  const destination = new PassThrough();
  const log = createLogger({ level: 'trace', destination });
  await write(log);
  destination.end();
  const chunks: Buffer[] = [];
  for await (const chunk of destination) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const fields = ['privateKey', 'secret', 'signature', 'raw', 'password', 'encryptionKey', 'encryptedKey'];
const headers = ['authorization', 'x-api-key', 'payment-signature', 'x-payment'];

test.each(fields)('the field %s is hidden at each depth that a line has', async (field) => {
  const lines = await linesOf((log) => {
    log.info({ [field]: hidden }, 'alone');
    log.info({ payment: { [field]: hidden } }, 'in an object');
    log.info({ payment: { payload: { [field]: hidden } } }, 'in an object of an object');
    log.info({ sent: [{ [field]: hidden }] }, 'in a list');
    log.child({ [field]: hidden }).info('in a child');
  });
  expect(lines).not.toContain(hidden);
  expect(lines.trim().split('\n')).toHaveLength(5);
  expect(lines.match(/"\[secret\]"/g)).toHaveLength(5);
});

test.each(headers)('the header %s is hidden', async (header) => {
  const lines = await linesOf((log) => {
    log.info({ req: { method: 'POST', headers: { [header]: hidden } } }, 'of a request');
    log.info({ headers: { [header]: hidden } }, 'alone');
  });
  expect(lines).not.toContain(hidden);
  expect(lines.trim().split('\n')).toHaveLength(2);
});

test('bytes and secrets of the configuration are hidden wherever they stand', async () => {
  const lines = await linesOf((log) => {
    log.info({ config: { evm: { rpcUrl: secret(hidden) } } }, 'configuration');
    log.info({ raw: Buffer.from(hidden) }, 'bytes');
    log.info('%s %o', secret(hidden), { key: secret(hidden) });
  });
  expect(lines).not.toContain(hidden);
  expect(lines).not.toContain([...Buffer.from(hidden)].slice(0, 8).join(','));
});

test('an error says what happened, and nothing of what it carries', async () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), {
    config: { connectionString: `postgresql://tollkeeper:${hidden}@localhost/tollkeeper` },
    query: `INSERT INTO deposit_address VALUES ('${hidden}')`,
    parameters: [hidden],
    detail: `Key (encrypted_key)=(${hidden}) already exists.`,
    response: { config: { headers: { authorization: hidden } } },
  });
  const error = new Fault('DATABASE_UNAVAILABLE', { sqlState: '08006' }, { cause });
  const [line = '', ...others] = (
    await linesOf((log) => {
      log.error({ err: error }, 'request failed');
      log.error(Object.assign(new Error('as the only argument'), { parameters: [hidden] }));
      log.error({ error: cause }, 'by its other name');
    })
  )
    .trim()
    .split('\n');
  expect([line, ...others].join()).not.toContain(hidden);
  expect(others).toHaveLength(2);
  expect(JSON.parse(line)).toMatchObject({
    level: 50,
    service: 'tollkeeper',
    msg: 'request failed',
    err: {
      type: 'Fault',
      code: 'DATABASE_UNAVAILABLE',
      facts: { sqlState: '08006' },
      message: 'The database did not answer',
      cause: { message: 'connect ECONNREFUSED 127.0.0.1:5432' },
    },
  });
});

test('facts may be bigints', async () => {
  const lines = await linesOf((log) => log.error({ err: new Fault('INTERNAL', { journalId: 2n ** 63n }) }, 'failed'));
  expect(lines).toContain('9223372036854775808');
});

test('what is thrown without being an error is logged all the same', async () => {
  expect(JSON.parse(await linesOf((log) => log.error({ err: 'a text' }, 'failed')))).toMatchObject({
    err: { message: 'a text' },
  });
});

test('a real error of PostgreSQL brings neither its parameters nor the row, and a failed connection no password', async () => {
  const db = await createTestDatabase();
  const insert = () => db.database.sql`INSERT INTO setting (name, value) VALUES ('name', ${hidden})`;
  const wrongUrl = new URL(db.url);
  wrongUrl.password = hidden;
  wrongUrl.port = '1';
  await insert();
  const errors = await Promise.all([
    insert().catch((error: unknown) => error),
    db.database.sql`SELECT ${hidden}::integer`.catch((error: unknown) => error),
    openDatabase({ url: wrongUrl.toString(), onWarning: () => undefined }).catch((error: unknown) => error),
  ]);
  await db.drop();
  const lines = await linesOf((log) => {
    for (const error of errors) log.error({ err: error }, 'failed');
  });
  expect(lines.trim().split('\n')).toHaveLength(3);
  expect(lines).toContain('duplicate key value');
  expect(lines).not.toContain(hidden);
});
