import { Readable } from 'node:stream';
import { Fault } from '@tollkeeper/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { appendAudit, type AuditedChange } from '../../audit/audit.js';
import { answerOnce } from '../../idempotency/answer-once.js';
import { hashOfRequest, readIdempotencyKey, type StoredAnswer } from '../../idempotency/idempotent-request.js';
import type { AsTenant, TenantTransaction } from '../../tenancy/as-tenant.js';
import { requirePermission, type Authenticate } from '../../tenancy/authenticate.js';
import type { Tenant } from '../../tenancy/tenant.js';
import { problemOf } from '../problem.js';
import { createCursors } from './cursors.js';
import { createJournalNames } from './journal-name.js';
import { errorsOf } from './route-errors.js';
import type { V1Route } from './route.js';
import { isStreamedAnswer } from './streamed-answer.js';
import type { ApartCall, AuditedTransaction, TenantCall } from './tenant-call.js';

/** What the routes under `/v1` are served with. */
export interface V1Parts {
  readonly authenticate: Authenticate;
  readonly asTenant: AsTenant;
  /** Signs the positions in lists; the same in every process. */
  readonly cursorKey: Uint8Array;
  readonly routes: readonly V1Route[];
}

declare module 'fastify' {
  interface FastifyRequest {
    tenant?: Tenant;
  }
}

/** Serves routes as they were defined: key, permission, input, transaction, stored answer and audit are all done here. */
export function addV1Routes(app: FastifyInstance, parts: V1Parts): void {
  for (const route of parts.routes) {
    app.route({
      method: route.method,
      url: route.path,
      // Before the body is read: whoever has no key does not get anything parsed.
      onRequest: async (request) => {
        request.tenant = await parts.authenticate(request.headers);
        requirePermission(request.tenant, route.permission);
      },
      handler: async (request, reply) => {
        try {
          return await answer(route, { request, reply, parts });
        } catch (error) {
          noteUndescribed(route, { request, error });
          throw error;
        }
      },
    });
  }
}

/** A code that the documentation of the route does not name is a gap in its definition, and no reason to answer otherwise. */
function noteUndescribed(route: V1Route, { request, error }: { request: FastifyRequest; error: unknown }): void {
  if (!(error instanceof Fault) || error.status >= 500 || errorsOf(route).includes(error.code)) return;
  request.log.warn(
    { reqId: request.id, route: `${route.method} ${route.path}`, code: error.code },
    'an answer is missing in the documentation',
  );
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly parts: V1Parts;
}

async function answer(route: V1Route, exchange: Exchange): Promise<FastifyReply> {
  const { reply } = exchange;
  reply.header('cache-control', 'no-store');
  if (route.run.kind === 'apart') return answerApart(route, exchange);
  const { request, parts } = exchange;
  const { tenant, call } = callOf(route, exchange);
  const work = route.run.prepare(request);
  const run = (transaction: TenantTransaction) =>
    withAudit(transaction, { route, call, work: (audited) => work({ ...call, ...audited }) });
  if (route.money) return answerMoney(route, { ...exchange, run });
  const output = await parts.asTenant(tenant.merchantId, run);
  return reply.code(route.status ?? 200).send(output);
}

/** The body of the answer is made before the commit, so that what is stored is what is sent. */
async function answerMoney(
  route: V1Route,
  { request, reply, parts, run }: Exchange & { readonly run: (transaction: TenantTransaction) => Promise<unknown> },
): Promise<FastifyReply> {
  const { merchantId } = tenantOf(request);
  const idempotent = {
    merchantId,
    route: `${route.method} ${route.path}`,
    key: readIdempotencyKey(request.headers),
    requestHash: hashOfRequest([request.params, request.query, request.body ?? null]),
  };
  const { answer: stored, replayed } = await answerOnce(idempotent, {
    asTenant: parts.asTenant,
    work: async (transaction) =>
      toStored(route.status ?? 200, 'application/json; charset=utf-8', await run(transaction)),
    describe: (fault) => {
      noteUndescribed(route, { request, error: fault });
      return toStored(fault.status, 'application/problem+json', problemOf(fault, request.id));
    },
  });
  if (replayed) reply.header('idempotency-replayed', 'true');
  return reply.code(stored.status).type(stored.contentType).send(stored.body);
}

function toStored(status: number, contentType: string, body: unknown): StoredAnswer {
  return { status, contentType, body: JSON.stringify(body) };
}

async function answerApart(route: V1Route, exchange: Exchange): Promise<FastifyReply> {
  const { request, reply, parts } = exchange;
  if (route.run.kind !== 'apart') throw new Fault('INTERNAL', { problem: 'a route of the other kind' });
  const { tenant, call } = callOf(route, exchange);
  const work = route.run.prepare(request);
  const asTenant: ApartCall['asTenant'] = (inside) =>
    parts.asTenant(tenant.merchantId, (transaction) => appendNoted(transaction, { call, work: inside }));
  const output = await work({ ...call, asTenant });
  if (!isStreamedAnswer(output)) return reply.code(route.status ?? 200).send(route.schemas.response.parse(output));
  if (output.fileName !== undefined) {
    reply.header('content-disposition', `attachment; filename="${output.fileName}"`);
  }
  return reply.type(output.contentType).send(Readable.from(output.chunks));
}

type PlainCall = Pick<TenantCall, 'tenant' | 'requestId' | 'cursors' | 'nameJournal'>;

function callOf(route: V1Route, { request, parts }: Exchange): { tenant: Tenant; call: PlainCall } {
  const tenant = tenantOf(request);
  const { merchantId } = tenant;
  const key = parts.cursorKey;
  const cursors = createCursors({ key, scope: [merchantId, route.method, route.path] });
  const nameJournal = createJournalNames({ key, merchantId });
  return { tenant, call: { tenant, requestId: request.id, cursors, nameJournal } };
}

function tenantOf(request: FastifyRequest): Tenant {
  if (request.tenant === undefined) throw new Fault('INTERNAL', { problem: 'a request that nobody authenticated' });
  return request.tenant;
}

/** A change without its entry is a mistake of ours, and is not committed. */
async function withAudit<T>(
  transaction: TenantTransaction,
  { route, call, work }: { route: V1Route; call: PlainCall; work: (audited: AuditedTransaction) => Promise<T> },
): Promise<T> {
  let noted = 0;
  const result = await appendNoted(transaction, {
    call,
    work: (audited) =>
      work({
        ...audited,
        audit(change) {
          noted += 1;
          audited.audit(change);
        },
      }),
  });
  if (route.method !== 'GET' && noted === 0) {
    throw new Fault('INTERNAL', { problem: 'a change without an entry in the audit', route: route.path });
  }
  return result;
}

/** Appends what was noted last of all, because the head of the chain is locked until the commit. */
async function appendNoted<T>(
  transaction: TenantTransaction,
  { call, work }: { call: PlainCall; work: (audited: AuditedTransaction) => Promise<T> },
): Promise<T> {
  const changes: AuditedChange[] = [];
  const result = await work({ ...transaction, audit: (change) => void changes.push(change) });
  const { merchantId, keyId } = call.tenant;
  for (const change of changes) {
    await appendAudit(transaction.sql, {
      ...change,
      merchantId,
      actor: { kind: 'key', keyId },
      requestId: call.requestId,
    });
  }
  return result;
}
