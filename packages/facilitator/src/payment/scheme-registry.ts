import type { Network, Payment, Rejection, SchemeHandler } from '@tollkeeper/protocol';

/** Which handler takes a payment. Kinds are looked up exactly, never by pattern. */
export interface SchemeRegistry {
  readonly handlers: readonly SchemeHandler[];
  find(payment: Payment): { readonly handler: SchemeHandler } | { readonly rejection: Rejection };
}

export function createSchemeRegistry(handlers: readonly SchemeHandler[]): SchemeRegistry {
  const byKind = new Map(handlers.map((handler) => [kindOf(handler), handler]));
  const networks = new Set<Network>(handlers.map((handler) => handler.network));
  return {
    handlers,
    find({ requirements }) {
      const handler = byKind.get(kindOf(requirements));
      if (handler !== undefined) return { handler };
      return networks.has(requirements.network)
        ? { rejection: { reason: 'unsupported_scheme', detail: 'This scheme is not offered on this network' } }
        : { rejection: { reason: 'invalid_network', detail: 'This facilitator does not serve this network' } };
    },
  };
}

function kindOf(kind: { readonly scheme: string; readonly network: Network }): string {
  return `${kind.network} ${kind.scheme}`;
}
