import { readFile } from 'node:fs/promises';
import { faults } from '@tollkeeper/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { everyPermission, startTenantService, type TenantService, type TestTenant } from './support/tenant-service.js';

let service: TenantService;
let tenant: TestTenant;
let document: OpenApi;
beforeAll(async () => {
  service = await startTenantService();
  tenant = await service.createTenant();
  document = JSON.parse((await service.call('GET', '/openapi.json')).text) as OpenApi;
});
afterAll(() => service.stop());

type Route = TenantService['routes'][number];

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security: readonly unknown[];
  readonly 'x-permission'?: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Record<string, { readonly example?: unknown }> };
  readonly responses: Record<string, { readonly content: Record<string, Content> }>;
}

interface Content {
  readonly example?: unknown;
  readonly examples?: Record<string, { readonly $ref: string }>;
}

interface OpenApi {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly schemas: Record<string, unknown>;
    readonly examples: Record<string, { readonly value: { readonly code: string; readonly status: number } }>;
  };
}

const pathOf = (route: Route) =>
  route.path.replaceAll(/:(\w+)/g, (_, name: string) => route.example.params?.[name] ?? name);
const nameOf = (route: Route) => `${route.method} ${route.path}`;

function callExample(route: Route, options: { key?: string; headers?: Record<string, string> }) {
  const query = new URLSearchParams(route.example.query).toString();
  const { body } = route.example;
  return service.call(route.method, `${pathOf(route)}${query && `?${query}`}`, {
    ...options,
    ...(body === undefined ? {} : { body }),
  });
}

describe('every route under /v1', () => {
  test('has an example that its own schemas accept', () => {
    for (const route of service.routes) {
      const { params, query, body, response } = route.example;
      expect(() => route.run.prepare({ params: params ?? {}, query: query ?? {}, body }), nameOf(route)).not.toThrow();
      expect(route.schemas.response.parse(response), nameOf(route)).toEqual(response);
    }
  });

  test('refuses fields that it does not know', () => {
    for (const route of service.routes) {
      const { params = {}, query = {}, body } = route.example;
      const raw = { params, query, body: body ?? {} };
      for (const part of ['params', 'query', 'body'] as const) {
        if (route.schemas[part] === undefined) continue;
        const strange = { ...raw, ...(body === undefined ? { body } : {}), [part]: { ...raw[part], surplus: 'x' } };
        expect(() => route.run.prepare(strange), `${nameOf(route)} ${part}`).toThrow(
          expect.objectContaining({ code: 'REQUEST_MALFORMED' }) as Error,
        );
      }
    }
  });

  test('names in its schema every parameter of its path', () => {
    for (const route of service.routes) {
      const named = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
      expect(Object.keys(route.example.params ?? {}).sort(), nameOf(route)).toEqual(named.sort());
    }
  });

  test('asks for a key, and for the permission', async () => {
    for (const route of service.routes) {
      const without = await callExample(route, {});
      expect([nameOf(route), without.status, without.body['code']]).toEqual([nameOf(route), 401, 'API_KEY_REQUIRED']);
      const others = everyPermission.filter((permission) => permission !== route.permission);
      const key = await service.tenants.createKey({
        merchant: tenant.name,
        name: nameOf(route),
        permissions: others,
        expiresAt: null,
      });
      const denied = await callExample(route, { key: key.secret });
      expect([nameOf(route), denied.status, denied.body['code']]).toEqual([nameOf(route), 403, 'PERMISSION_DENIED']);
    }
  });

  test('that moves money needs an idempotency key of printable characters', async () => {
    for (const route of service.routes.filter(({ money }) => money)) {
      for (const headers of [
        {},
        { 'idempotency-key': '' },
        { 'idempotency-key': 'x'.repeat(256) },
        { 'idempotency-key': 'ä' },
      ]) {
        const answer = await callExample(route, { key: tenant.secret, headers });
        expect([nameOf(route), answer.body['code']]).toEqual([nameOf(route), 'IDEMPOTENCY_KEY_REQUIRED']);
      }
    }
  });

  test('answers a broken body, and ids that are none, without a server error', async () => {
    for (const route of service.routes) {
      for (const value of ['x', '%00', '..%2f', '0', '-1', '9'.repeat(200)]) {
        if (!route.path.includes(':')) continue;
        const answer = await service.call(route.method, route.path.replaceAll(/:\w+/g, value), {
          key: tenant.secret,
          headers: { 'idempotency-key': 'k' },
          ...(route.example.body === undefined ? {} : { body: route.example.body }),
        });
        expect([nameOf(route), value, answer.status >= 400 && answer.status < 500]).toEqual([
          nameOf(route),
          value,
          true,
        ]);
      }
      if (route.schemas.body === undefined) continue;
      for (const body of [
        '[]',
        'null',
        '"text"',
        '{',
        '1',
        `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
        '{"__proto__":{"x":1}}',
      ]) {
        const response = await service.app.inject({
          method: route.method,
          url: pathOf(route),
          headers: { 'x-api-key': tenant.secret, 'idempotency-key': 'k', 'content-type': 'application/json' },
          payload: body,
        });
        expect([nameOf(route), body.slice(0, 20), response.statusCode]).toEqual([
          nameOf(route),
          body.slice(0, 20),
          400,
        ]);
      }
    }
  });
});

describe('/openapi.json', () => {
  test('describes every route that the service has, and no other', () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(servedRoutes().sort());
    for (const one of ['POST /verify', 'POST /settle', 'GET /supported', 'GET /payments/{paymentId}', 'GET /metrics']) {
      expect(described).toContain(one);
    }
  });

  test('has an example of every request and answer, and of every error with its code and status', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const name = `${method} ${path}`;
        if (operation.requestBody)
          expect(operation.requestBody.content['application/json']?.example, name).toBeDefined();
        for (const [status, { content }] of Object.entries(operation.responses)) {
          const [first] = Object.values(content);
          if (Number(status) < 400) expect(first?.example, name).toBeDefined();
          else checkErrors(name, { status, examples: first?.examples ?? {} });
        }
        expect(Object.keys(operation.responses).filter((status) => status >= '400').length, name).toBeGreaterThan(0);
      }
    }
  });

  function checkErrors(
    name: string,
    { status, examples }: { status: string; examples: NonNullable<Content['examples']> },
  ) {
    expect(Object.keys(examples).length, name).toBeGreaterThan(0);
    for (const [code, { $ref }] of Object.entries(examples)) {
      expect($ref).toBe(`#/components/examples/${code}`);
      const { value } = document.components.examples[code] ?? expect.fail(`${name}: ${code} has no example`);
      expect([name, value.code, String(value.status)]).toEqual([name, code, status]);
      expect(faults).toHaveProperty(code);
    }
  }

  test('refers to nothing that is not in it, and names every operation once', () => {
    const text = JSON.stringify(document);
    expect(document.openapi).toBe('3.1.0');
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(document.components.schemas).toHaveProperty(name ?? '');
    }
    expect(text).not.toContain('#/$defs');
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  /** Fastify prints its routes as a tree of path segments. */
  function servedRoutes(): string[] {
    const found: string[] = [];
    const parents: string[] = [];
    for (const line of service.app.printRoutes({ commonPrefix: false }).split('\n')) {
      const match = /^([│ ]*)[├└]── (\S+)(?: \(([A-Z, ]+)\))?/.exec(line);
      if (match === null) continue;
      const [, indent = '', segment = '', methods] = match;
      parents.length = indent.length / 4;
      parents.push(segment);
      const path = parents.join('').replaceAll(/:(\w+)/g, '{$1}');
      for (const method of methods?.split(', ') ?? []) {
        if (method !== 'HEAD' && !['/openapi.json', '/docs'].includes(path)) found.push(`${method} ${path}`);
      }
    }
    // The one route that is served under another name of its parameter.
    return found
      .map((route) => route.replace('/payments/{id}', '/payments/{paymentId}'))
      .filter((route) => route !== '* *');
  }
});

describe('/docs', () => {
  test('is one page that tells of every route and code and loads nothing', async () => {
    const { status, text, headers } = await service.call('GET', '/docs');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    for (const operations of Object.values(document.paths)) {
      for (const { summary } of Object.values(operations)) expect(text).toContain(summary);
    }
    for (const code of Object.keys(faults)) expect(text).toContain(`id="${code}"`);
    expect(text).not.toMatch(/<script|<link|<img|@import|url\(|src=/);
    for (const [, target] of text.matchAll(/href="#([^"]+)"/g)) expect(text).toContain(`id="${target ?? ''}"`);
  });
});

describe('the fields that a route takes', () => {
  test('are all on the page, with what they mean', async () => {
    const { text } = await service.call('GET', '/docs');
    const articles = new Map(
      [...text.matchAll(/<article id="([^"]+)">(.*?)<\/article>/gs)].map(([, id, body]) => [id, body]),
    );
    for (const route of service.routes) {
      const article = articles.get(`${route.method}${route.path}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')) ?? '';
      const { params = {}, query = {}, body = {} } = route.example;
      for (const field of Object.keys({ ...params, ...query, ...(body as object) })) {
        expect(article, nameOf(route)).toContain(`<td><code>${field}</code>`);
      }
    }
  });
});

describe('docs/errors.md', () => {
  test('explains every code of the catalogue and no other', async () => {
    const text = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    const explained = [...text.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, code]) => code);
    expect(explained.sort()).toEqual(Object.keys(faults).sort());
  });

  test('says for each its status and what to do', async () => {
    const text = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    for (const [code, { status }] of Object.entries(faults)) {
      const [, stated, meaning, advice] =
        new RegExp(`^\\| \`${code}\` +\\| (\\d{3}) +\\| (.+?) +\\| (.+?) +\\|$`, 'm').exec(text) ?? [];
      expect([code, stated]).toEqual([code, String(status)]);
      expect(meaning?.length, code).toBeGreaterThan(10);
      expect(advice?.length, code).toBeGreaterThan(5);
    }
  });
});
