import { Fault, type Clock } from '@tollkeeper/protocol';
import { z } from 'zod';
import type { Environment } from '../../config/config.js';
import { Id, Moment, Name } from '../../http/v1/fields.js';
import { pageOf, PageQuery, rowsToFetch, toPage } from '../../http/v1/page.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';
import { mintApiKey } from '../../tenancy/api-key-secret.js';
import { insertApiKey, listApiKeys, revokeApiKey, type ApiKey } from '../../tenancy/api-keys.js';
import { permissions, type Permission } from '../../tenancy/permissions.js';
import type { Tenant } from '../../tenancy/tenant.js';
import { uuidv7 } from '../../uuid.js';
import { MomentIn } from './moment-in.js';

const ApiKeyAnswer = z
  .object({
    id: Id,
    name: z.string(),
    prefix: z.string(),
    permissions: z.array(z.enum(permissions)),
    createdAt: Moment,
    expiresAt: Moment.nullable(),
    revokedAt: Moment.nullable(),
    lastUsedAt: Moment.nullable(),
  })
  .meta({ id: 'ApiKey' });

const example = {
  id: '019b2f6e-5b7c-7d1a-9c3e-2f4a6b8c0d1e',
  name: 'shop server',
  prefix: 'sk_test_Qm3xVa',
  permissions: ['read', 'write'],
  createdAt: '2026-11-24T10:00:00.000Z',
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
} satisfies z.input<typeof ApiKeyAnswer>;

const tag = 'API keys';

/** `POST`, `GET` and `DELETE /v1/api-keys`. The first key of a merchant is made by the command `tollkeeper keys create`. */
export function apiKeyRoutes(parts: { readonly clock: Clock; readonly environment: Environment }): readonly V1Route[] {
  return [createRoute(parts), listRoute(), revokeRoute()];
}

function createRoute(parts: { readonly clock: Clock; readonly environment: Environment }): V1Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/api-keys',
    tag,
    summary: 'Create an API key',
    description:
      'The key itself is in this answer only; we keep its hash. A key cannot create one that may do more, or lives longer, than itself.',
    permission: 'admin',
    body: z.strictObject({
      name: Name.meta({ description: 'What you call it' }),
      permissions: z
        .array(z.enum(permissions))
        .min(1)
        .max(permissions.length)
        .meta({ description: 'No more than this key has itself' }),
      expiresAt: MomentIn.optional().meta({ description: 'When it stops working; never unless stated' }),
    }),
    response: ApiKeyAnswer.extend({ key: z.string() }).meta({ id: 'CreatedApiKey' }),
    status: 201,
    errors: ['API_KEY_EXCEEDS_CREATOR'],
    example: {
      body: { name: example.name, permissions: example.permissions },
      response: { ...example, key: `${example.prefix}Hn6yT0cKq2rUu8oWb4dLz1fEj9sGi5pXk7` },
    },
    async handle(call, { body }) {
      const wanted = {
        id: uuidv7(parts.clock),
        merchantId: call.tenant.merchantId,
        name: body.name,
        permissions: [...new Set(body.permissions)],
        expiresAt: body.expiresAt === undefined ? null : new Date(body.expiresAt),
      };
      requireNoMore(call.tenant, wanted);
      const minted = mintApiKey(parts.environment);
      const created = toAnswer(await insertApiKey(call.sql, { minted, key: wanted }));
      call.audit({ action: 'api_key.create', subject: created.id, after: created });
      return { ...created, key: minted.secret };
    },
  });
}

function listRoute(): V1Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/api-keys',
    tag,
    summary: 'List the API keys',
    description: 'Oldest first, revoked ones included. Never the keys themselves.',
    permission: 'admin',
    query: PageQuery,
    response: pageOf(ApiKeyAnswer),
    errors: ['CURSOR_INVALID'],
    example: { query: { limit: '20' }, response: { items: [example], nextCursor: null } },
    async handle({ sql, tenant, cursors }, { query }) {
      const after = query.cursor === undefined ? null : cursors.read(query.cursor, z.tuple([Id]))[0];
      const rows = await listApiKeys(sql, { merchantId: tenant.merchantId, after, limit: rowsToFetch(query) });
      return toPage(rows, { query, cursors, position: ({ id }) => [id], item: toAnswer });
    },
  });
}

function revokeRoute(): V1Route {
  return defineRoute({
    method: 'DELETE',
    path: '/v1/api-keys/:keyId',
    tag,
    summary: 'Revoke an API key',
    description: 'At once, in every process, and for good. Revoking it again changes nothing.',
    permission: 'admin',
    params: z.strictObject({ keyId: Id }),
    response: ApiKeyAnswer,
    errors: ['API_KEY_NOT_FOUND'],
    example: {
      params: { keyId: example.id },
      response: { ...example, revokedAt: '2026-11-25T08:30:00.000Z' },
    },
    async handle(call, { params }) {
      const { before, after } = await revokeApiKey(call.sql, {
        merchantId: call.tenant.merchantId,
        id: params.keyId,
      });
      call.audit({ action: 'api_key.revoke', subject: after.id, before: toAnswer(before), after: toAnswer(after) });
      return toAnswer(after);
    },
  });
}

function requireNoMore(
  creator: Tenant,
  wanted: { readonly permissions: readonly Permission[]; readonly expiresAt: Date | null },
): void {
  const missing = wanted.permissions.filter((permission) => !creator.permissions.includes(permission));
  if (missing.length > 0) {
    throw new Fault('API_KEY_EXCEEDS_CREATOR', { detail: `This key lacks: ${missing.join(', ')}` });
  }
  const { keyExpiresAt } = creator;
  if (keyExpiresAt !== null && (wanted.expiresAt === null || wanted.expiresAt > keyExpiresAt)) {
    throw new Fault('API_KEY_EXCEEDS_CREATOR', { detail: `This key expires at ${keyExpiresAt.toISOString()}` });
  }
}

function toAnswer(key: ApiKey) {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    permissions: [...key.permissions],
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
  };
}
