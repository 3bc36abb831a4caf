import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Fault } from '@tollkeeper/protocol';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

/** A request that is on its way when the stop begins has this long to arrive. */
const arrivalMs = 500;

/**
 * Lets nothing but requests under way hold a stop up. Answers that are sent while the service stops tell their clients to let
 * go of the connection, which would otherwise stay open for as long as the client keeps it alive. Connections that never sent
 * a whole request are broken, because for the server they are not idle: it would wait a minute for the rest.
 */
export const gracefulClose = fastifyPlugin((app: FastifyInstance, _options: object, done: () => void) => {
  const connections = trackConnections(app);
  let isClosing = false;
  app.addHook('preClose', (next) => {
    isClosing = true;
    setTimeout(() => {
      connections.breakUnused();
    }, arrivalMs).unref();
    next();
  });
  app.addHook('preParsing', async () => {
    if (isClosing) throw new Fault('SHUTTING_DOWN');
  });
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close');
  });
  done();
});

/** How many requests each open connection has under way; one client may send several without waiting. */
function trackConnections(app: FastifyInstance) {
  const underWay = new Map<Socket, number>();
  const count = (socket: Socket, change: number) => {
    const before = underWay.get(socket);
    if (before !== undefined) underWay.set(socket, before + change);
  };
  app.server.on('connection', (socket) => {
    underWay.set(socket, 0);
    socket.once('close', () => underWay.delete(socket));
  });
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    count(socket, 1);
    response.once('close', () => {
      count(socket, -1);
    });
  });
  return {
    breakUnused() {
      for (const [socket, requests] of underWay) if (requests === 0) socket.destroy();
    },
  };
}
