import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTenantService, type Answered, type TenantService, type TestTenant } from './support/tenant-service.js';
import { thingsOf } from './support/things-of-a-tenant.js';

let service: TenantService;
let stranger: TestTenant;
let foreign: Record<string, string>;
let own: Record<string, string>;
let openApi: OpenApi;
beforeAll(async () => {
  service = await startTenantService();
  foreign = await thingsOf(service, await service.createTenant());
  stranger = await service.createTenant();
  own = await thingsOf(service, stranger);
  openApi = (await service.call('GET', '/openapi.json')).body as unknown as OpenApi;
});
afterAll(() => service.stop());

type Route = TenantService['routes'][number];

/** One place of a request that names a thing by its id: a parameter of the path or query, or a field of the body. */
interface Place {
  readonly part: 'params' | 'query' | 'body';
  readonly field: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function placesOf(route: Route): readonly Place[] {
  const named = (['params', 'query', 'body'] as const).flatMap((part) =>
    Object.entries(route.example[part] ?? {})
      .filter(([, value]) => typeof value === 'string' && uuid.test(value))
      .map(([field]) => ({ part, field })),
  );
  const known = new Set(named.filter(({ part }) => part === 'body').map(({ field }) => field));
  const more = idsInBody(route).filter((field) => !known.has(field));
  return [...named, ...more.map((field) => ({ part: 'body', field }) as const)];
}

/** The ids that a body may name, also where the example does without. */
function idsInBody(route: Route): readonly string[] {
  const operation = openApi.paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()];
  const properties = operation?.requestBody?.content['application/json']?.schema.properties ?? {};
  return Object.entries(properties).flatMap(([field, { format }]) => (format === 'uuid' ? [field] : []));
}

interface OpenApi {
  readonly paths: Record<
    string,
    Record<string, { readonly requestBody?: { readonly content: Record<string, Content> } }>
  >;
}

interface Content {
  readonly schema: { readonly properties?: Record<string, { readonly format?: string }> };
}

/** The kind of thing that a field names: `senderWalletId` and `walletId` are both wallets. */
function thingNamed(field: string, things: Record<string, string>): string {
  const kind = Object.keys(things).find((name) => field.toLowerCase().endsWith(name.toLowerCase()));
  if (kind === undefined) {
    throw new Error(`No test tenant has a "${field}": add one to test/tenants/support/things-of-a-tenant.ts`);
  }
  return things[kind] ?? '';
}

interface Attempt {
  readonly place: Place;
  readonly id: string;
  /** A field of the body that is left out. */
  readonly without: string | undefined;
}

/** The fields of the body that a caller may leave out, such as the token of a claim; each may be what protects a thing. */
function optionalFields({ example, run }: Route): readonly string[] {
  const fields = Object.entries((example.body ?? {}) as Record<string, unknown>);
  return fields.flatMap(([field]) => {
    const body = Object.fromEntries(fields.filter(([each]) => each !== field));
    try {
      run.prepare({ params: example.params ?? {}, query: example.query ?? {}, body });
      return [field];
    } catch {
      return [];
    }
  });
}

/** Calls a route as the stranger, who has every thing of its own but the one in the given place. */
function callWith(route: Route, { place, id, without }: Attempt): Promise<Answered> {
  const partOf = (part: Place['part']) => {
    const added = place.part === part ? { [place.field]: id } : {};
    const fields = Object.entries({ ...(route.example[part] as Record<string, unknown> | undefined), ...added });
    const named = placesOf(route).filter((each) => each.part === part);
    return Object.fromEntries(
      fields
        .filter(([field]) => part !== 'body' || field !== without)
        .map(([field, value]) => {
          if (!named.some((each) => each.field === field)) return [field, value];
          return [field, place.part === part && place.field === field ? id : thingNamed(field, own)];
        }),
    );
  };
  const params = partOf('params');
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => String(params[name]));
  const query = new URLSearchParams(partOf('query') as Record<string, string>).toString();
  return service.call(route.method, `${path}${query && `?${query}`}`, {
    key: stranger.secret,
    headers: route.money ? { 'idempotency-key': randomUUID() } : {},
    ...(route.example.body === undefined ? {} : { body: partOf('body') }),
  });
}

/** What an answer tells, without what differs in every answer and without the ids that were asked with. */
function told({ status, text }: Answered): string {
  const ids = new RegExp(uuid.source.slice(1, -1), 'g');
  return `${status} ${text.replaceAll(/"requestId":"[^"]+"/g, '').replaceAll(ids, 'ID')}`;
}

/** Everything that is stored, except what a refused call may leave: its answer, and that a key was used. */
async function snapshot(): Promise<Record<string, string>> {
  const { sql } = service.database.database;
  const tables = await sql<{ name: string }>`
    SELECT relname::text AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege(oid, 'SELECT')
      AND relname NOT IN ('idempotency', 'api_key')`;
  const contents: Record<string, string> = {};
  for (const { name } of tables) {
    const text = `SELECT coalesce(string_agg(t::text, ' ' ORDER BY t::text), '') AS rows FROM "${name}" AS t`;
    const [row] = await sql<{ rows: string }>(Object.assign([text], { raw: [] }));
    contents[name] = row?.rows ?? '';
  }
  return contents;
}

test('every endpoint answers another tenant’s ids as it answers ids that nobody has, and changes nothing', async () => {
  const before = await snapshot();
  let tried = 0;
  for (const route of service.routes) {
    for (const place of placesOf(route)) {
      for (const without of [undefined, ...optionalFields(route)]) {
        if (place.part === 'body' && place.field === without) continue;
        const name = `${route.method} ${route.path} ${place.field} ${without ?? ''}`;
        const theirs = await callWith(route, { place, without, id: thingNamed(place.field, foreign) });
        const nobodys = await callWith(route, { place, without, id: randomUUID() });
        expect([name, told(theirs)]).toEqual([name, told(nobodys)]);
        // A filter finds nothing of theirs; whatever else is named is not there.
        const nothing = place.part === 'query' && JSON.stringify(theirs.body['items']) === '[]';
        if (nothing) expect([name, theirs.status]).toEqual([name, 200]);
        // What is left out may be needed after all; then nobody's request gets further either.
        else if (without !== undefined && theirs.body['code'] === 'REQUEST_MALFORMED') continue;
        else expect([name, theirs.status, theirs.text]).toEqual([name, 404, expect.stringContaining('_NOT_FOUND')]);
        tried += 1;
      }
    }
  }
  expect(tried).toBeGreaterThan(20);
  expect(await snapshot()).toEqual(before);
});

test('every path that names something is tried above', () => {
  for (const { path, example } of service.routes) {
    for (const [, name = ''] of path.matchAll(/:(\w+)/g)) expect(example.params?.[name], path).toMatch(uuid);
  }
});

test('every list shows a tenant its own and nothing of another', async () => {
  for (const route of service.routes.filter(({ method, path }) => method === 'GET' && !path.includes(':'))) {
    const answer = await service.call('GET', route.path, { key: stranger.secret });
    for (const id of Object.values(foreign)) expect(answer.text, route.path).not.toContain(id);
  }
});
