import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Metrics } from '../metrics/metrics.js';

/** Paths that are asked all day by machines; they are logged at debug level. */
const quiet = new Set(['/health', '/ready', '/metrics']);

/** One line and one count for each answered request. */
export const requestLog = fastifyPlugin((app: FastifyInstance, options: { metrics: Metrics }, done: () => void) => {
  // Every field below comes from us: a route's pattern, a number, a word of a closed list. To search them for secrets would
  // cost more than all the rest of the line.
  const log = app.log.child({}, { redact: [] });
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
