import type { PaymentRequest, Reply } from '@tollkeeper/protocol';
import type { SchemeRegistry } from '../payment/scheme-registry.js';

/** What one verify or settle request is about, for its error body, its log line and its metrics. */
export interface Exchange {
  readonly operation: 'verify' | 'settle';
  reply: Reply;
  network: string;
  scheme: string;
  /** `ok`, a reason of the closed list, or the code of a fault. */
  outcome: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    exchange?: Exchange;
  }
  interface FastifyContextConfig {
    /** Set on the x402 routes, whose errors have the body that stock clients read. */
    readonly operation?: Exchange['operation'];
  }
}

export function openExchange(operation: Exchange['operation']): Exchange {
  return { operation, reply: { x402Version: 2, network: '' }, network: 'none', scheme: 'none', outcome: 'none' };
}

/** Names the request's kind, but only if it is one of ours: callers must not be able to invent metric labels. */
export function describeExchange(exchange: Exchange, parsed: PaymentRequest, schemes: SchemeRegistry): void {
  exchange.reply = parsed.reply;
  if (parsed.kind !== 'payment' || 'rejection' in schemes.find(parsed.payment)) return;
  exchange.network = parsed.payment.requirements.network;
  exchange.scheme = parsed.payment.requirements.scheme;
}
