import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Fault } from '@tollkeeper/protocol';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

/** A request that is on its way when the stop begins has this long to arrive. */
const arrivalMs = 500;

interface GracefulCloseOptions {
  /** What is not answered in this time is given up: longer than a settlement may wait, and a node that is asked for a verify. */
  readonly answerMs: number;
}

/**
 * Lets nothing but requests under way hold a stop up. Answers that are sent while the service stops tell their clients to let
 * go of the connection, which would otherwise stay open for as long as the client keeps it alive. Connections without a whole
 * request are broken, because for the server they are not idle: it would wait for the rest, and once it closes for ever. So are
 * those that are left when every request has been answered: their clients do not read.
 */
export const gracefulClose = fastifyPlugin((app: FastifyInstance, options: GracefulCloseOptions, done: () => void) => {
  const connections = trackConnections(app);
  let isClosing = false;
  app.addHook('preClose', (next) => {
    isClosing = true;
    connections.keepNone();
    setTimeout(() => {
      connections.breakUnused();
    }, arrivalMs).unref();
    setTimeout(() => {
      connections.breakAll();
    }, options.answerMs).unref();
    next();
  });
  // Behind the hook that says which words the route's errors have.
  app.addHook('onRequest', (_request, reply, next) => {
    if (!isClosing) {
      next();
      return;
    }
    reply.raw.shouldKeepAlive = false;
    next(new Fault('SHUTTING_DOWN'));
  });
  done();
});

/** The answers that each open connection has under way; one client may send several requests without waiting. */
function trackConnections(app: FastifyInstance) {
  const underWay = new Map<Socket, Set<ServerResponse>>();
  app.server.on('connection', (socket) => {
    underWay.set(socket, new Set());
    socket.once('close', () => underWay.delete(socket));
  });
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const responses = underWay.get(socket);
    responses?.add(response);
    response.once('close', () => responses?.delete(response));
  });
  return {
    /** Ends each connection with the answers that are under way on it. */
    keepNone() {
      for (const responses of underWay.values()) for (const response of responses) response.shouldKeepAlive = false;
    },
    /** A request of which only the beginning has come has an answer under way too, and counts as none. */
    breakUnused() {
      for (const [socket, responses] of underWay) {
        if (![...responses].some(({ req }) => req.complete)) socket.destroy();
      }
    },
    breakAll() {
      for (const socket of underWay.keys()) socket.destroy();
    },
  };
}
