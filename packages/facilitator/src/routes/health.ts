import type { FastifyInstance } from 'fastify';
import type { StoppedNote } from '../controls/stopped-notes.js';
import type { Readiness } from '../readiness.js';

/**
 * `GET /health`: the process lives. `GET /ready`: it can verify and settle on some network now; 503 with the reasons otherwise. A
 * network that it cannot serve is told there too, and what an operator has stopped; that takes nothing from readiness, because a
 * process out of rotation could not tell callers.
 */
export function addHealthRoutes(
  app: FastifyInstance,
  parts: { readonly readiness: () => Promise<Readiness>; readonly stopped: () => readonly StoppedNote[] },
): void {
  app.get('/health', async () => ({ status: 'ok' }));
  app.get('/ready', async (_request, reply) => {
    const result = await parts.readiness();
    return reply.code(result.ready ? 200 : 503).send({ ...result, stopped: parts.stopped() });
  });
}
