import {
  nameOfNetwork,
  networkFamily,
  type AnsweredKind,
  type SchemeHandler,
  type SupportedAnswer,
} from '@tollkeeper/protocol';
import type { FastifyInstance } from 'fastify';

/** `GET /supported` (x402 v2 specification, section 7.3). The same at every call, so that clients may cache it. */
export function addSupportedRoute(app: FastifyInstance, handlers: readonly SchemeHandler[]): void {
  const answer = describe(handlers);
  app.get('/supported', async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=60');
    return answer;
  });
}

function describe(handlers: readonly SchemeHandler[]): SupportedAnswer {
  const signers: Record<string, string[]> = {};
  for (const handler of handlers) {
    const known = (signers[`${networkFamily(handler.network)}:*`] ??= []);
    known.push(...handler.supported().signers.filter((signer) => !known.includes(signer)));
  }
  return { kinds: handlers.flatMap(kindsOf), extensions: [], signers };
}

/** A kind in both protocol versions, where version 1 has a name for the network. */
function kindsOf(handler: SchemeHandler): AnsweredKind[] {
  const { extra } = handler.supported();
  const kind = { scheme: handler.scheme, ...(extra === undefined ? {} : { extra }) };
  const name = nameOfNetwork(handler.network);
  return [
    { x402Version: 2 as const, network: handler.network, ...kind },
    ...(name === undefined ? [] : [{ x402Version: 1 as const, network: name, ...kind }]),
  ];
}
