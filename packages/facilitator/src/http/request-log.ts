import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { withoutRedaction } from '../logging/logger.js';
import type { Metrics } from '../metrics/metrics.js';

/** Paths that are asked all day by machines; they are logged at debug level. */
const quiet = new Set(['/health', '/ready', '/metrics']);

/** One line and one count for each answered request. */
export const requestLog = fastifyPlugin((app: FastifyInstance, options: { metrics: Metrics }, done: () => void) => {
  const log = withoutRedaction(app.log);
  app.addHook('onResponse', (request, reply, next) => {
    const { exchange } = request;
    const { url: route = 'unknown' } = request.routeOptions;
    const fields = {
      reqId: request.id,
      method: request.method,
      route,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    };
    const level = quiet.has(route) ? 'debug' : 'info';
    if (exchange === undefined) {
      log[level](fields, 'request answered');
    } else {
      const { operation, network, scheme, outcome } = exchange;
      log.info({ ...fields, network, scheme, outcome }, 'request answered');
      options.metrics.countAnswer({ operation, network, scheme, outcome, seconds: reply.elapsedTime / 1000 });
    }
    next();
  });
  done();
});
