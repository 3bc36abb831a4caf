import { Fault, isTooDeep, maximumDepth, type FaultCode } from '@tollkeeper/protocol';
import { z } from 'zod';
import type { Permission } from '../../tenancy/permissions.js';
import type { StreamedAnswer } from './streamed-answer.js';
import type { ApartCall, TenantCall } from './tenant-call.js';

/** A request as it arrived, its shape unknown. */
export interface RawRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** A call of the route as it stands in the documentation; a test holds it against the schemas. */
export interface RouteExample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly response: unknown;
}

/** What is known of a route without calling it. */
export interface RouteFacts {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As Fastify writes it: `/v1/wallets/:walletId`. One name of a parameter means one kind of thing in every route. */
  readonly path: `/v1/${string}`;
  /** The chapter of the documentation. */
  readonly tag: string;
  /** One line in the imperative: "Create a wallet". */
  readonly summary: string;
  readonly description?: string;
  readonly permission: Permission;
  /** What of the catalogue this route may answer beyond what every route may. */
  readonly errors: readonly FaultCode[];
  readonly example: RouteExample;
  /** 200 unless stated. */
  readonly status?: 200 | 201 | 202;
  /** Other content types of the answer, for what is streamed. */
  readonly alsoAnswers?: readonly string[];
}

/** A route as the frame serves and describes it; made by {@link defineRoute} or {@link defineRouteApart}. */
export interface V1Route extends RouteFacts {
  /** A money operation: needs an `Idempotency-Key`, and its answer is stored with what it moved. */
  readonly money: boolean;
  readonly schemas: RouteSchemas;
  readonly run: RouteRun;
}

export interface RouteSchemas {
  readonly params?: z.ZodType | undefined;
  readonly query?: z.ZodType | undefined;
  readonly body?: z.ZodType | undefined;
  readonly response: z.ZodType;
}

/** `prepare` checks the input, before anything is opened or locked; what it answers does the work. */
type RouteRun =
  | { readonly kind: 'transaction'; readonly prepare: (raw: RawRequest) => (call: TenantCall) => Promise<unknown> }
  | {
      readonly kind: 'apart';
      readonly prepare: (raw: RawRequest) => (call: ApartCall) => Promise<unknown>;
    };

interface Input<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

interface Schemas<Params, Query, Body, Response> {
  /** Strict objects, so that a misspelt field is refused and not ignored. */
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** What leaves the service: a field that is not in here does not. */
  readonly response: Response;
}

/**
 * Defines a route whose work is one transaction under row security. For a money operation that transaction also holds the
 * stored answer; everything but a GET appends to the audit within it.
 */
export function defineRoute<
  Response extends z.ZodType,
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(
  definition: RouteFacts &
    Schemas<Params, Query, Body, Response> & {
      readonly money?: boolean;
      readonly handle: (
        call: TenantCall,
        input: Input<z.output<Params>, z.output<Query>, z.output<Body>>,
      ) => Promise<z.input<Response>>;
    },
): V1Route {
  const { handle, params, query, body, response, money = false, ...facts } = definition;
  const schemas = { params, query, body, response };
  const prepare = (raw: RawRequest) => {
    const input = readInput(schemas, raw);
    return async (call: TenantCall) => response.parse(await handle(call, input as Parameters<typeof handle>[1]));
  };
  return { ...facts, money, schemas, run: { kind: 'transaction', prepare } };
}

/**
 * Defines a route that chooses its own transactions, because it asks a chain or streams its answer: it must not hold a
 * connection meanwhile. It cannot be a money operation.
 */
export function defineRouteApart<
  Response extends z.ZodType,
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(
  definition: RouteFacts &
    Schemas<Params, Query, Body, Response> & {
      readonly handle: (
        call: ApartCall,
        input: Input<z.output<Params>, z.output<Query>, z.output<Body>>,
      ) => Promise<z.input<Response> | StreamedAnswer>;
    },
): V1Route {
  const { handle, params, query, body, response, ...facts } = definition;
  const schemas = { params, query, body, response };
  const prepare = (raw: RawRequest) => {
    const input = readInput(schemas, raw);
    return (call: ApartCall) => handle(call, input as Parameters<typeof handle>[1]);
  };
  return { ...facts, money: false, schemas, run: { kind: 'apart', prepare } };
}

function readInput(schemas: RouteSchemas, raw: RawRequest): Input<unknown, unknown, unknown> {
  if (isTooDeep(raw.body)) {
    throw new Fault('REQUEST_MALFORMED', { detail: `body: nests deeper than ${maximumDepth} levels` });
  }
  // PostgreSQL has no text for it, so that no schema has to think of it.
  if (JSON.stringify([raw.params, raw.query, raw.body]).includes('\\u0000')) {
    throw new Fault('REQUEST_MALFORMED', { detail: 'The character U+0000 is not accepted' });
  }
  return {
    params: readPart(schemas.params, { name: 'path', value: raw.params }),
    query: readPart(schemas.query, { name: 'query', value: raw.query }),
    body: readPart(schemas.body, { name: 'body', value: raw.body }),
  };
}

/** The field is named, and its value never repeated: it may be a secret. */
function readPart(schema: z.ZodType | undefined, part: { name: string; value: unknown }): unknown {
  if (schema === undefined) {
    if (isEmpty(part.value)) return undefined;
    throw new Fault('REQUEST_MALFORMED', { detail: `This endpoint takes no ${part.name}` });
  }
  const parsed = schema.safeParse(part.value);
  if (parsed.success) return parsed.data;
  const detail = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${[part.name, ...issue.path].join('.')}: ${issue.message}`)
    .join('; ');
  throw new Fault('REQUEST_MALFORMED', { detail });
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
