import { z } from 'zod';
import { networkOfName } from '../network-names.js';
import { parseNetwork } from '../network.js';
import type { Payment } from '../payment.js';
import type { Rejection } from '../reasons.js';
import { isTooDeep, maximumDepth } from './json-depth.js';
import { RequirementsV1, RequirementsV2 } from './requirements-schema.js';
import type { Reply } from './reply.js';

/** What a verify or settle body turned out to be. `reply` says how to speak to whoever sent it. */
export type PaymentRequest =
  | { readonly kind: 'payment'; readonly payment: Payment; readonly reply: Reply }
  /** Well-formed, but of a kind that nobody settles; answered 200 with the reason. */
  | { readonly kind: 'refused'; readonly rejection: Rejection; readonly reply: Reply }
  /** Not a request of this protocol; answered 400. */
  | { readonly kind: 'malformed'; readonly detail: string; readonly reply: Reply };

const Payload = z.record(z.string(), z.unknown());

const EnvelopeV2 = z.object({
  paymentPayload: z.object({
    x402Version: z.literal(2),
    accepted: RequirementsV2,
    payload: Payload,
  }),
  paymentRequirements: RequirementsV2,
});

const EnvelopeV1 = z.object({
  paymentPayload: z.object({
    x402Version: z.literal(1),
    scheme: z.string().min(1),
    network: z.string().min(1),
    payload: Payload,
  }),
  paymentRequirements: RequirementsV1,
});

/** What `readPaymentRequest` takes, for those who describe the endpoint. */
export const PaymentRequestBody = z.union([EnvelopeV2, EnvelopeV1]);

/**
 * Reads a verify or settle body of either protocol version. Version 1 is translated here, so that nothing deeper knows it.
 * Never throws.
 */
export function readPaymentRequest(body: unknown): PaymentRequest {
  const reply = replyTo(body);
  if (isTooDeep(body)) return { kind: 'malformed', detail: `JSON nests deeper than ${maximumDepth} levels`, reply };
  const version = statedVersion(body);
  if (version === 1) return readV1(body, reply);
  if (version === 2) return readV2(body, reply);
  if (typeof version !== 'number') {
    return { kind: 'malformed', detail: 'paymentPayload.x402Version must be the number 1 or 2', reply };
  }
  const rejection = { reason: 'invalid_x402_version', detail: 'Versions 1 and 2 are supported' } as const;
  return { kind: 'refused', rejection, reply };
}

function readV2(body: unknown, reply: Reply): PaymentRequest {
  const parsed = EnvelopeV2.safeParse(body);
  if (!parsed.success) return malformed(parsed.error, reply);
  const { paymentPayload, paymentRequirements } = parsed.data;
  const network = parseNetwork(paymentRequirements.network);
  if (network === undefined) return refusedNetwork(reply);
  return {
    kind: 'payment',
    payment: {
      x402Version: 2,
      accepted: { scheme: paymentPayload.accepted.scheme, network: paymentPayload.accepted.network },
      requirements: { ...paymentRequirements, network },
      payload: paymentPayload.payload,
    },
    reply,
  };
}

function readV1(body: unknown, reply: Reply): PaymentRequest {
  const parsed = EnvelopeV1.safeParse(body);
  if (!parsed.success) return malformed(parsed.error, reply);
  const { paymentPayload, paymentRequirements } = parsed.data;
  const network = networkOfName(paymentRequirements.network);
  if (network === undefined) return refusedNetwork(reply);
  const { maxAmountRequired, ...shared } = paymentRequirements;
  return {
    kind: 'payment',
    payment: {
      x402Version: 1,
      accepted: {
        scheme: paymentPayload.scheme,
        network: networkOfName(paymentPayload.network) ?? paymentPayload.network,
      },
      requirements: { ...shared, amount: maxAmountRequired, network },
      payload: paymentPayload.payload,
    },
    reply,
  };
}

function malformed(error: z.ZodError, reply: Reply): PaymentRequest {
  const detail = error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`)
    .join('; ');
  return { kind: 'malformed', detail, reply };
}

function refusedNetwork(reply: Reply): PaymentRequest {
  return { kind: 'refused', rejection: { reason: 'invalid_network', detail: 'No such network is known' }, reply };
}

function statedVersion(body: unknown): unknown {
  return property(property(body, 'paymentPayload'), 'x402Version');
}

function replyTo(body: unknown): Reply {
  const version = statedVersion(body);
  const network =
    property(property(body, 'paymentRequirements'), 'network') ?? property(property(body, 'paymentPayload'), 'network');
  return { x402Version: version === 1 ? 1 : 2, network: typeof network === 'string' ? network.slice(0, 100) : '' };
}

function property(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}
