import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { everyPermission, startTenantService, type TenantService, type TestTenant } from './support/tenant-service.js';

let service: TenantService;
let tenant: TestTenant;
beforeAll(async () => {
  service = await startTenantService();
  tenant = await service.createTenant();
});
afterAll(() => service.stop());

const createKey = (key: string, body: Record<string, unknown>) => service.call('POST', '/v1/api-keys', { key, body });
const listWith = (key: string) => service.call('GET', '/v1/api-keys', { key });

describe('a key', () => {
  test('is shown once, works, and is stored as a hash', async () => {
    const created = await createKey(tenant.secret, { name: 'server', permissions: ['read', 'admin'] });
    expect(created.status).toBe(201);
    const { key, prefix, id } = created.body as { key: string; prefix: string; id: string };
    expect(key).toMatch(/^sk_test_[\w-]{43}$/);
    expect(key.startsWith(prefix)).toBe(true);
    const listed = await listWith(key);
    expect(listed.status).toBe(200);
    expect(listed.text).not.toContain(key);
    const stored = await service.database.database.sql<object>`SELECT * FROM api_key WHERE id = ${id}::uuid`;
    expect(JSON.stringify(stored)).not.toContain(key);
    const audited = await service.call('GET', `/v1/audit?subject=${id}`, { key: tenant.secret });
    expect(audited.body['items']).toMatchObject([{ action: 'api_key.create', actor: 'key', keyId: tenant.keyId }]);
    expect(audited.text).not.toContain(key.slice(prefix.length));
  });

  test('is taken from either header', async () => {
    const bearer = { authorization: `Bearer ${tenant.secret}` };
    expect((await service.call('GET', '/v1/api-keys', { headers: bearer })).status).toBe(200);
    expect((await listWith(tenant.secret)).status).toBe(200);
  });

  test.each([
    ['nothing', {}],
    ['another scheme', { authorization: 'Basic abc' }],
    ['an empty bearer', { authorization: 'Bearer ' }],
  ])('%s is no key', async (_name, headers) => {
    const answer = await service.call('GET', '/v1/api-keys', { headers });
    expect([answer.status, answer.body['code']]).toEqual([401, 'API_KEY_REQUIRED']);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  test.each([
    ['unknown', () => 'sk_test_nobodyHasThis'],
    ['truncated', () => tenant.secret.slice(0, -1)],
    ['longer', () => `${tenant.secret}x`],
    ['of another environment', () => tenant.secret.replace('sk_test_', 'sk_live_')],
    ['in another case', () => tenant.secret.toUpperCase()],
    ['very long', () => 'x'.repeat(5_000)],
    ['empty', () => ''],
  ])('that is %s opens nothing', async (_name, key) => {
    const answer = await listWith(key());
    expect([answer.status, answer.body['code']]).toEqual([401, 'API_KEY_UNKNOWN']);
  });

  test('stops at its expiry by the clock of the database', async () => {
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    const { body } = await createKey(tenant.secret, { name: 'short', permissions: ['admin'], expiresAt });
    const key = String(body['key']);
    expect((await listWith(key)).status).toBe(200);
    await asOwner(`UPDATE api_key SET expires_at = now() WHERE id = '${String(body['id'])}'`);
    const answer = await listWith(key);
    expect([answer.status, answer.body['code']]).toEqual([401, 'API_KEY_EXPIRED']);
  });

  test('is revoked by a request that names the type of the body which it does not have', async () => {
    const { body } = await createKey(tenant.secret, { name: 'typed', permissions: ['read'] });
    const headers = { 'content-type': 'application/json' };
    const named = { key: tenant.secret, headers };
    const revoked = await service.call('DELETE', `/v1/api-keys/${String(body['id'])}`, named);
    expect(revoked.status).toBe(200);
    const needed = await service.call('POST', '/v1/api-keys', named);
    expect([needed.status, needed.body['code']]).toEqual([400, 'REQUEST_MALFORMED']);
  });

  test('that is revoked opens nothing from then on, and stays revoked', async () => {
    const { body } = await createKey(tenant.secret, { name: 'gone', permissions: ['admin'] });
    const [key, id] = [String(body['key']), String(body['id'])];
    expect((await listWith(key)).status).toBe(200);
    const first = await service.call('DELETE', `/v1/api-keys/${id}`, { key: tenant.secret });
    const second = await service.call('DELETE', `/v1/api-keys/${id}`, { key: tenant.secret });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body['revokedAt']).toBe(first.body['revokedAt']);
    const answer = await listWith(key);
    expect([answer.status, answer.body['code']]).toEqual([401, 'API_KEY_REVOKED']);
    await expect(asOwner(`UPDATE api_key SET revoked_at = NULL WHERE id = '${id}'`)).rejects.toThrow('stays revoked');
  });

  test('may only do what it is allowed to', async () => {
    const { body } = await createKey(tenant.secret, { name: 'reader', permissions: ['read'] });
    const answer = await listWith(String(body['key']));
    expect([answer.status, answer.body['code']]).toEqual([403, 'PERMISSION_DENIED']);
  });

  test('makes no key that may do more, or lives longer, than itself', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const made = await createKey(tenant.secret, { name: 'clerk', permissions: ['read', 'admin'], expiresAt });
    const clerk = String(made.body['key']);
    const later = new Date(Date.now() + 7_200_000).toISOString();
    const attempts = [
      { name: 'more', permissions: ['read', 'withdraw'], expiresAt },
      { name: 'for ever', permissions: ['read'] },
      { name: 'longer', permissions: ['read'], expiresAt: later },
    ];
    for (const attempt of attempts) {
      const answer = await createKey(clerk, attempt);
      expect([answer.status, answer.body['code']]).toEqual([403, 'API_KEY_EXCEEDS_CREATOR']);
    }
    expect((await createKey(clerk, { name: 'same', permissions: ['read', 'admin'], expiresAt })).status).toBe(201);
  });

  test('is told when it was used last, behind the requests', async () => {
    const { body } = await createKey(tenant.secret, { name: 'used', permissions: ['admin'] });
    await listWith(String(body['key']));
    await expect
      .poll(
        async () => {
          const items = (await listWith(tenant.secret)).body['items'] as { id: string; lastUsedAt: string | null }[];
          return items.find(({ id }) => id === body['id'])?.lastUsedAt;
        },
        { timeout: 10_000 },
      )
      .toMatch(/^\d{4}-/);
  });
});

describe('bad input', () => {
  test.each([
    ['no body', undefined, 'body'],
    ['an empty name', { name: '', permissions: ['read'] }, 'body.name'],
    ['a name with a line break', { name: 'a\nb', permissions: ['read'] }, 'body.name'],
    ['a name with NUL', { name: 'a\u0000b', permissions: ['read'] }, 'U+0000'],
    ['no permission', { name: 'x', permissions: [] }, 'body.permissions'],
    ['an unknown permission', { name: 'x', permissions: ['root'] }, 'body.permissions.0'],
    ['an unknown field', { name: 'x', permissions: ['read'], merchantId: 'y' }, 'body: Unrecognized key'],
    [
      'an expiry in the past',
      { name: 'x', permissions: ['read'], expiresAt: '2020-01-01T00:00:00Z' },
      'body.expiresAt',
    ],
    [
      'an expiry before the common era',
      { name: 'x', permissions: ['read'], expiresAt: '0000-01-01T00:00:00Z' },
      'body.expiresAt',
    ],
    ['an expiry that is no time', { name: 'x', permissions: ['read'], expiresAt: 'tomorrow' }, 'body.expiresAt'],
  ])('%s is refused by name', async (_name, body, field) => {
    const answer = await service.call('POST', '/v1/api-keys', { key: tenant.secret, ...(body && { body }) });
    expect([answer.status, answer.body['code']]).toEqual([400, 'REQUEST_MALFORMED']);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body['detail']).toContain(field);
  });

  test.each(['not-a-uuid', '%00', '019b2f6e-5b7c-7d1a-9c3e-2f4a6b8c0d1e%27'])('the id %s is refused', async (id) => {
    const answer = await service.call('DELETE', `/v1/api-keys/${id}`, { key: tenant.secret });
    expect([answer.status, answer.body['code']]).toEqual([400, 'REQUEST_MALFORMED']);
  });

  test('an id that nobody has is not found', async () => {
    const answer = await service.call('DELETE', '/v1/api-keys/019b2f6e-5b7c-7d1a-9c3e-2f4a6b8c0d1e', {
      key: tenant.secret,
    });
    expect([answer.status, answer.body['code']]).toEqual([404, 'API_KEY_NOT_FOUND']);
  });
});

test('pages hold every key once, in order, and a cursor that was altered is refused', async () => {
  const owner = await service.createTenant();
  for (const name of ['a', 'b', 'c', 'd']) await createKey(owner.secret, { name, permissions: [...everyPermission] });
  const page = (query: string) => service.call('GET', `/v1/api-keys?${query}`, { key: owner.secret });
  const names: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const { body } = await page(`limit=2${cursor && `&cursor=${cursor}`}`);
    names.push(...(body['items'] as { name: string }[]).map(({ name }) => name));
    cursor = body['nextCursor'] as string | null;
  }
  expect(names).toEqual(['first', 'a', 'b', 'c', 'd']);

  const good = String((await page('limit=1')).body['nextCursor']);
  const stranger = await service.createTenant();
  const foreign = await service.call('GET', `/v1/api-keys?cursor=${good}`, { key: stranger.secret });
  const elsewhere = await service.call('GET', `/v1/audit?cursor=${good}`, { key: owner.secret });
  expect([foreign.body['code'], elsewhere.body['code']]).toEqual(['CURSOR_INVALID', 'CURSOR_INVALID']);
  for (let at = 0; at < good.length; at += 1) {
    const altered = good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1);
    const answer = await page(`cursor=${altered}`);
    expect([answer.status, answer.body['code']], altered).toEqual([400, 'CURSOR_INVALID']);
  }
  for (const limit of ['0', '101', '-1', '1.5', 'all', '']) {
    expect((await page(`limit=${limit}`)).body['code'], limit).toBe('REQUEST_MALFORMED');
  }
});

async function asOwner(statement: string): Promise<void> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: service.database.ownerUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
