import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

/**
 * Reads JSON bodies. No body at all is no JSON that is wrong: many clients name the content type of every request, also of those
 * that have nothing to say.
 */
export const jsonBody = fastifyPlugin((app: FastifyInstance, _options: object, done: () => void) => {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, parsed) => {
    if (body === '') parsed(null, undefined);
    else void parse(request, body, parsed);
  });
  done();
});
