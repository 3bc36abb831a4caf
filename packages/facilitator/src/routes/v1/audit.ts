import type { Sql } from '@tollkeeper/database';
import { z } from 'zod';
import { Id, Moment } from '../../http/v1/fields.js';
import { pageOf, PageQuery, rowsToFetch, toPage } from '../../http/v1/page.js';
import { defineRoute, type V1Route } from '../../http/v1/route.js';

const AuditEntryAnswer = z
  .object({
    sequence: z.string().meta({ description: 'The place in the chain of this merchant, from 1 without gaps' }),
    at: Moment,
    actor: z.enum(['key', 'operator', 'service']),
    keyId: Id.nullable(),
    action: z.string(),
    subject: z.string().nullable(),
    before: z.unknown().nullable(),
    after: z.unknown().nullable(),
    requestId: z.string().nullable(),
    hash: z.string().meta({ description: 'sha256 over the entry and the hash of the one before it, in hex' }),
  })
  .meta({ id: 'AuditEntry' });

/** `GET /v1/audit`: what was done for and by this merchant, newest first. */
export function auditRoutes(): readonly V1Route[] {
  return [listRoute];
}

const listRoute = defineRoute({
  method: 'GET',
  path: '/v1/audit',
  tag: 'Audit',
  summary: 'List what was done',
  description:
    'Newest first: every change by a key of this merchant or by the operator, with what was before and after.',
  permission: 'admin',
  query: PageQuery.extend({
    subject: z.string().max(200).optional().meta({ description: 'The id of what was acted on' }),
  }),
  response: pageOf(AuditEntryAnswer),
  errors: ['CURSOR_INVALID'],
  example: {
    query: { limit: '20', subject: '019b2f6e-6c1d-7a2b-8e4f-3a5b7c9d1e2f' },
    response: {
      items: [
        {
          sequence: '42',
          at: '2026-11-25T08:30:00.000Z',
          actor: 'key',
          keyId: '019b2f6e-5b7c-7d1a-9c3e-2f4a6b8c0d1e',
          action: 'api_key.revoke',
          subject: '019b2f6e-6c1d-7a2b-8e4f-3a5b7c9d1e2f',
          before: { revokedAt: null },
          after: { revokedAt: '2026-11-25T08:30:00.000Z' },
          requestId: 'a0a6c9e2-2f0b-4a3c-9d6e-0b1c2d3e4f50',
          hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        },
      ],
      nextCursor: null,
    },
  },
  async handle({ sql, tenant, cursors }, { query }) {
    const before = query.cursor === undefined ? lastSequence : BigInt(cursors.read(query.cursor, Position)[0]);
    const search = { merchantId: tenant.merchantId, before, limit: rowsToFetch(query) };
    const rows =
      query.subject === undefined ? await all(sql, search) : await about(sql, { ...search, subject: query.subject });
    return toPage(rows, { query, cursors, position: ({ sequence }) => [sequence.toString()], item: toAnswer });
  },
});

/** After every entry, so that the first page begins at the end. */
const lastSequence = 9_223_372_036_854_775_807n;

interface Search {
  readonly merchantId: string;
  readonly before: bigint;
  readonly limit: number;
}

async function all(sql: Sql, { merchantId, before, limit }: Search): Promise<readonly AuditRow[]> {
  return sql<AuditRow>`
    SELECT sequence, at, actor, key_id AS "keyId", action, subject, before, after, request_id AS "requestId", hash
    FROM audit_entry
    WHERE merchant_id = ${merchantId}::uuid AND sequence < ${before}::bigint
    ORDER BY sequence DESC LIMIT ${limit}`;
}

async function about(sql: Sql, search: Search & { readonly subject: string }): Promise<readonly AuditRow[]> {
  const { merchantId, subject, before, limit } = search;
  return sql<AuditRow>`
    SELECT sequence, at, actor, key_id AS "keyId", action, subject, before, after, request_id AS "requestId", hash
    FROM audit_entry
    WHERE merchant_id = ${merchantId}::uuid AND subject = ${subject} AND sequence < ${before}::bigint
    ORDER BY sequence DESC LIMIT ${limit}`;
}

const Position = z.tuple([z.string().regex(/^[1-9][0-9]{0,18}$/)]);

interface AuditRow {
  readonly sequence: bigint;
  readonly at: Date;
  readonly actor: 'key' | 'operator' | 'service';
  readonly keyId: string | null;
  readonly action: string;
  readonly subject: string | null;
  readonly before: unknown;
  readonly after: unknown;
  readonly requestId: string | null;
  readonly hash: Buffer;
}

function toAnswer(row: AuditRow) {
  return { ...row, sequence: row.sequence.toString(), at: row.at.toISOString(), hash: row.hash.toString('hex') };
}
