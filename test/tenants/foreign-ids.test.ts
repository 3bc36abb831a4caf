import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTenantService, type Answered, type TenantService, type TestTenant } from './support/tenant-service.js';
import { thingsOf } from './support/things-of-a-tenant.js';

let service: TenantService;
let stranger: TestTenant;
let things: Record<string, string>;
beforeAll(async () => {
  service = await startTenantService();
  const victim = await service.createTenant();
  stranger = await service.createTenant();
  things = await thingsOf(service, victim);
});
afterAll(() => service.stop());

type Route = TenantService['routes'][number];

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The kind of thing that a field names: `senderWalletId` and `walletId` are both wallets. */
function thingNamed(field: string): string {
  const kind = Object.keys(things).find((name) => field.toLowerCase().endsWith(name.toLowerCase()));
  if (kind === undefined) {
    throw new Error(`No test tenant has a "${field}": add one to test/tenants/support/things-of-a-tenant.ts`);
  }
  return things[kind] ?? '';
}

/** A body or query like the example, with every id replaced. */
function withIds(value: unknown, idOf: (field: string) => string): unknown {
  if (Array.isArray(value)) return value.map((inner) => withIds(inner, idOf));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]) => [
      field,
      typeof inner === 'string' && uuid.test(inner) ? idOf(field) : withIds(inner, idOf),
    ]),
  );
}

function callWith(route: Route, idOf: (field: string) => string): Promise<Answered> {
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const example = route.example.params?.[name] ?? '';
    return uuid.test(example) ? idOf(name) : encodeURIComponent(example);
  });
  const query = new URLSearchParams(withIds(route.example.query ?? {}, idOf) as Record<string, string>).toString();
  return service.call(route.method, `${path}${query && `?${query}`}`, {
    key: stranger.secret,
    headers: route.money ? { 'idempotency-key': randomUUID() } : {},
    ...(route.example.body === undefined ? {} : { body: withIds(route.example.body, idOf) }),
  });
}

/** What an answer tells, without what differs in every answer and without the ids that were asked with. */
function told({ status, text }: Answered): string {
  return `${status} ${text.replaceAll(/"requestId":"[^"]+"/g, '').replaceAll(new RegExp(uuid.source.slice(1, -1), 'g'), 'ID')}`;
}

/** Everything that is stored and that a stranger must not change. */
async function snapshot(): Promise<Record<string, string>> {
  const tables = await service.database.database.sql<{ name: string }>`
    SELECT relname::text AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege(oid, 'SELECT')
      AND relname NOT IN ('idempotency', 'audit_entry', 'audit_head', 'api_key')`;
  const contents: Record<string, string> = {};
  for (const { name } of tables) {
    const strings = Object.assign(
      [`SELECT coalesce(string_agg(t::text, ' ' ORDER BY t::text), '') AS rows FROM "${name}" AS t`],
      { raw: [] },
    );
    const [row] = await service.database.database.sql<{ rows: string }>(strings);
    contents[name] = row?.rows ?? '';
  }
  return contents;
}

/** Whether a call of the route names anything by its id. */
function namesIds({ path, example }: Route): boolean {
  const named = JSON.stringify([example.query ?? {}, example.body ?? {}]).match(
    /"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"/,
  );
  return path.includes(':') || named !== null;
}

test('every endpoint answers another tenant’s ids as it answers ids that nobody has, and changes nothing', async () => {
  const before = await snapshot();
  for (const route of service.routes.filter(namesIds)) {
    const name = `${route.method} ${route.path}`;
    const foreign = await callWith(route, thingNamed);
    const nobodys = await callWith(route, () => randomUUID());
    expect([name, told(foreign)]).toEqual([name, told(nobodys)]);
    if (route.path.includes(':')) expect([name, foreign.status]).toEqual([name, 404]);
  }
  expect(await snapshot()).toEqual(before);
});

test('every list shows a tenant nothing of another', async () => {
  for (const route of service.routes.filter(({ method, path }) => method === 'GET' && !path.includes(':'))) {
    const answer = await service.call('GET', route.path, { key: stranger.secret });
    for (const id of Object.values(things)) expect(answer.text, route.path).not.toContain(id);
  }
});
