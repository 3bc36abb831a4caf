import { faults, type FaultCode } from '@tollkeeper/protocol';
import { z } from 'zod';
import { errorsOf } from '../http/v1/route-errors.js';
import type { V1Route } from '../http/v1/route.js';
import type { DescribedRoute } from './described-route.js';
import { createJsonSchemas, type Json } from './json-schemas.js';
import { x402Routes } from './x402-routes.js';

/** Every route that the service has, in the order of the documentation. */
export function describeRoutes(routes: readonly V1Route[]): readonly DescribedRoute[] {
  return [...x402Routes, ...routes.map(describe)];
}

function describe(route: V1Route): DescribedRoute {
  const { method, path, tag, summary, description, permission, schemas, example } = route;
  return {
    ...{ method, path, tag, summary, description, permission, schemas, example },
    idempotent: route.money ? 'required' : 'no',
    status: route.status ?? 200,
    contentType: 'application/json',
    alsoAnswers: route.alsoAnswers ?? [],
    errorContentType: 'application/problem+json',
    errors: errorsOf(route),
  };
}

/** The OpenAPI 3.1 description of the service, made from the schemas that check its requests. */
export function createOpenApiDocument(routes: readonly DescribedRoute[]): Json {
  const schemas = createJsonSchemas();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route, schemas);
  }
  const problem = schemas.output(Problem);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tollkeeper',
      version: '1',
      description:
        'A payment facilitator for HTTP 402 (x402) that keeps the books. `docs/errors.md` explains every code.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...Object.fromEntries(schemas.components), Problem: schemas.components.get('Problem') ?? problem },
      examples: exampleProblems(routes),
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
  };
}

const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.enum(Object.keys(faults) as [FaultCode, ...FaultCode[]]),
    retryable: z.boolean(),
    requestId: z.string(),
    detail: z.string().optional(),
  })
  .meta({ id: 'Problem' });

type Schemas = ReturnType<typeof createJsonSchemas>;

/** A key in either header. */
const anyKey = [{ apiKey: [] }, { bearer: [] }];

function operationOf(route: DescribedRoute, schemas: Schemas): Json {
  const { permission, description, example, idempotent } = route;
  const body = route.schemas.body;
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    ...(description === undefined ? {} : { description }),
    ...(permission === undefined
      ? { security: idempotent === 'optional' ? [{}, ...anyKey] : [] }
      : { security: anyKey, 'x-permission': permission }),
    parameters: parametersOf(route, schemas),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemas.input(body), example: example.body } },
          },
        }),
    responses: { [route.status]: successOf(route, schemas), ...errorResponses(route) },
  };
}

function operationId({ method, path }: DescribedRoute): string {
  const words = path.split(/[/:.-]+/).filter((word) => word !== '');
  return [method.toLowerCase(), ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join('');
}

function parametersOf(route: DescribedRoute, schemas: Schemas): readonly Json[] {
  const { params, query } = route.schemas;
  return [
    ...fieldsOf(params, { place: 'path', example: route.example.params, schemas }),
    ...fieldsOf(query, { place: 'query', example: route.example.query, schemas }),
    ...(route.idempotent === 'no'
      ? []
      : [
          {
            name: 'Idempotency-Key',
            in: 'header',
            required: route.idempotent === 'required',
            description: 'Yours to choose; the same key with the same request answers the same, for 30 days at least',
            schema: { type: 'string', minLength: 1, maxLength: 255 },
            example: 'order-1042',
          },
        ]),
  ];
}

function fieldsOf(
  schema: z.ZodType | undefined,
  parts: {
    readonly place: 'path' | 'query';
    readonly example: Readonly<Record<string, string>> | undefined;
    readonly schemas: Schemas;
  },
): readonly Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = parts.schemas.input(schema) as {
    properties?: Record<string, Json>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, example: own, ...field }]) => {
    const example = parts.example?.[name] ?? own;
    return {
      name,
      in: parts.place,
      required: parts.place === 'path' || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: field,
      ...(example === undefined ? {} : { example }),
    };
  });
}

function successOf(route: DescribedRoute, schemas: Schemas): Json {
  const replayed = {
    'Idempotency-Replayed': { description: 'true where this answer was given before', schema: { const: 'true' } },
  };
  const others = route.alsoAnswers.map((type) => [type, { schema: { type: 'string' } }] as const);
  return {
    description: route.summary,
    ...(route.idempotent === 'no' ? {} : { headers: replayed }),
    content: {
      [route.contentType]: { schema: schemas.output(route.schemas.response), example: route.example.response },
      ...Object.fromEntries(others),
    },
  };
}

function errorResponses(route: DescribedRoute): Json {
  const byStatus = new Map<number, FaultCode[]>();
  for (const code of route.errors) {
    const { status } = faults[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${faults[code].message}`).join('\n\n'),
        content: {
          [route.errorContentType]: {
            schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: codes } } }] },
            examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
          },
        },
      },
    ]),
  );
}

/** One example of each error, which the routes point to. */
function exampleProblems(routes: readonly DescribedRoute[]): Json {
  const codes = new Set(routes.flatMap(({ errors }) => errors));
  return Object.fromEntries([...codes].sort().map((code) => [code, { value: exampleProblem(code) }]));
}

function exampleProblem(code: FaultCode): Json {
  const { status, retryable, message } = faults[code];
  const requestId = 'a0a6c9e2-2f0b-4a3c-9d6e-0b1c2d3e4f50';
  return { type: `urn:tollkeeper:error:${code}`, title: message, status, code, retryable, requestId };
}
