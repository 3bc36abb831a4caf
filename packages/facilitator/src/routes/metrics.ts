import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics/metrics.js';

/** `GET /metrics`: everything in the Prometheus text format. */
export function addMetricsRoute(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', async (_request, reply) => {
    reply.type(metrics.registry.contentType);
    return metrics.registry.metrics();
  });
}
