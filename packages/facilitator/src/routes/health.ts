import type { FastifyInstance } from 'fastify';
import type { Readiness } from '../readiness.js';

/** `GET /health`: the process lives. `GET /ready`: it can verify and settle now; 503 with the reasons otherwise. */
export function addHealthRoutes(app: FastifyInstance, readiness: () => Promise<Readiness>): void {
  app.get('/health', async () => ({ status: 'ok' }));
  app.get('/ready', async (_request, reply) => {
    const result = await readiness();
    return reply.code(result.ready ? 200 : 503).send(result);
  });
}
