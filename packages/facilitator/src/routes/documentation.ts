import type { FastifyInstance } from 'fastify';
import type { V1Route } from '../http/v1/route.js';
import { renderDocumentation } from '../openapi/documentation-page.js';
import { createOpenApiDocument, describeRoutes } from '../openapi/openapi-document.js';

/** A page of text and style: nothing is loaded, run or framed. */
const contentSecurityPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** `GET /openapi.json` and, for people, `GET /docs`. Both are made once, because routes do not change. */
export function addDocumentationRoutes(app: FastifyInstance, routes: readonly V1Route[]): void {
  const described = describeRoutes(routes);
  const document = createOpenApiDocument(described);
  const page = renderDocumentation(described);
  app.get('/openapi.json', async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=60');
    return document;
  });
  app.get('/docs', async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=60');
    reply.header('content-security-policy', contentSecurityPolicy);
    return reply.type('text/html; charset=utf-8').send(page);
  });
}
