import { failedAnswer, Fault, invalidAnswer, type SettleAnswer, type VerifyAnswer } from '@tollkeeper/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { openExchange, type Exchange } from './exchange.js';
import { problemOf } from './problem.js';
import { toFault } from './to-fault.js';

/** Under way, too many, or not available: the same request may be answered in a second. */
const retryLater = new Set([409, 429, 503]);

/** The one mapping of errors to HTTP. Our own failures are logged here, once; a caller's mistake is only answered. */
export const errorHandling = fastifyPlugin((app: FastifyInstance, _options: object, done: () => void) => {
  // Before the body is read, because a body that cannot be read must be answered in the route's own words too.
  app.addHook('onRequest', (request, _reply, next) => {
    const { operation } = request.routeOptions.config;
    if (operation !== undefined) request.exchange = openExchange(operation);
    next();
  });
  app.setErrorHandler(async (error, request, reply) => {
    const fault = toFault(error);
    // A pause is the operator's wish and no failure.
    if (fault.status >= 500 && fault.code !== 'SETTLEMENT_PAUSED') {
      request.log.error({ reqId: request.id, err: error }, 'request failed');
    }
    await send(fault, { request, reply });
  });
  app.setNotFoundHandler(async (request, reply) => {
    await send(new Fault('NOT_FOUND'), { request, reply });
  });
  done();
});

/** An address that the router cannot even read, such as one with a broken escape, has nothing behind it either. */
export function answerUnroutable(_error: Error, request: FastifyRequest, reply: FastifyReply): void {
  void send(new Fault('NOT_FOUND'), { request, reply });
}

async function send(fault: Fault, http: { request: FastifyRequest; reply: FastifyReply }): Promise<void> {
  const { request, reply } = http;
  const problem = problemOf(fault, request.id);
  reply.code(fault.status);
  if (fault.retryable && retryLater.has(fault.status))
    reply.header('retry-after', String(fault.facts['retryAfterSeconds'] ?? 1));
  if (fault.status === 401) reply.header('www-authenticate', 'Bearer');
  if (request.exchange === undefined) {
    await reply.type('application/problem+json').send(problem);
    return;
  }
  request.exchange.outcome = fault.code;
  // Stock clients know an x402 answer by its keys, whatever the status; the problem's own keys do not collide with them.
  await reply.type('application/json').send({ ...problem, ...answerOf(fault, request.exchange) });
}

function answerOf(fault: Fault, { operation, reply }: Exchange): VerifyAnswer | SettleAnswer {
  const detail = typeof fault.facts['detail'] === 'string' ? fault.facts['detail'] : fault.message;
  if (fault.status < 500) {
    const rejection = { reason: 'invalid_payload', detail } as const;
    return operation === 'verify' ? invalidAnswer(reply, { rejection }) : failedAnswer(reply, { rejection });
  }
  return operation === 'verify'
    ? invalidAnswer(reply, { rejection: { reason: 'unexpected_verify_error', detail } })
    : failedAnswer(reply, { rejection: { reason: 'unexpected_settle_error', detail } });
}
