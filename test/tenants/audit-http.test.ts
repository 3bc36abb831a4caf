import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTenantService, type TenantService, type TestTenant } from './support/tenant-service.js';

let service: TenantService;
let tenant: TestTenant;
beforeAll(async () => {
  service = await startTenantService();
  tenant = await service.createTenant();
});
afterAll(() => service.stop());

interface Entry {
  readonly sequence: string;
  readonly actor: string;
  readonly keyId: string | null;
  readonly action: string;
  readonly subject: string;
  readonly before: Record<string, unknown> | null;
  readonly after: Record<string, unknown> | null;
  readonly requestId: string | null;
}

async function entries(query = ''): Promise<{ items: Entry[]; nextCursor: string | null }> {
  const { body } = await service.call('GET', `/v1/audit${query}`, { key: tenant.secret });
  return body as unknown as { items: Entry[]; nextCursor: string | null };
}

test('every change is told with who, what, before, after and the request, the newest first', async () => {
  const created = await service.call('POST', '/v1/api-keys', {
    key: tenant.secret,
    body: { name: 'clerk', permissions: ['read'] },
  });
  const { id } = created.body as { id: string };
  // An id means the same in capitals, and is noted as everything else notes it.
  await service.call('DELETE', `/v1/api-keys/${id.toUpperCase()}`, { key: tenant.secret });

  const { items } = await entries();
  expect(items.map(({ actor, action }) => [actor, action])).toEqual([
    ['key', 'api_key.revoke'],
    ['key', 'api_key.create'],
    ['operator', 'api_key.create'],
    ['operator', 'merchant.create'],
  ]);
  expect(items.map(({ sequence }) => sequence)).toEqual(['4', '3', '2', '1']);
  expect(items[0]).toMatchObject({
    keyId: tenant.keyId,
    subject: id,
    before: { revokedAt: null },
    after: { id, name: 'clerk', permissions: ['read'] },
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
  });
  expect(items[0]?.after?.['revokedAt']).not.toBeNull();

  const about = await entries(`?subject=${id}`);
  expect(about.items.map(({ action }) => action)).toEqual(['api_key.revoke', 'api_key.create']);
});

test('pages go back to the first entry without a gap, however many come meanwhile', async () => {
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page = await entries(`?limit=2${cursor && `&cursor=${cursor}`}`);
    seen.push(...page.items.map(({ sequence }) => sequence));
    cursor = page.nextCursor;
    await service.tenants.createKey({ merchant: tenant.name, name: 'late', permissions: ['read'], expiresAt: null });
  }
  expect(seen).toEqual(['4', '3', '2', '1']);
});

test('what was refused is no entry', async () => {
  const before = await entries();
  await service.call('POST', '/v1/api-keys', { key: tenant.secret, body: { name: '', permissions: [] } });
  await service.call('DELETE', '/v1/api-keys/019b2f6e-5b7c-7d1a-9c3e-2f4a6b8c0d1e', { key: tenant.secret });
  expect(await entries()).toEqual(before);
});

test('a chain and the answers about it are one merchant’s', async () => {
  const other = await service.createTenant();
  const { body } = await service.call('GET', '/v1/audit', { key: other.secret });
  expect((body as unknown as { items: Entry[] }).items.map(({ sequence }) => sequence)).toEqual(['2', '1']);
  const about = await service.call('GET', `/v1/audit?subject=${tenant.keyId}`, { key: other.secret });
  expect(about.body['items']).toEqual([]);
});
