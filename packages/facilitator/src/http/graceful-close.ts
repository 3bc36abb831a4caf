import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

/**
 * Answers that are sent while the service stops tell their clients to let go of the connection. Without that, the connection
 * of a request under way stays open after its answer, for as long as the client keeps it alive, and the stop waits for it.
 */
export const gracefulClose = fastifyPlugin((app: FastifyInstance, _options: object, done: () => void) => {
  let isClosing = false;
  app.addHook('preClose', (next) => {
    isClosing = true;
    next();
  });
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close');
  });
  done();
});
