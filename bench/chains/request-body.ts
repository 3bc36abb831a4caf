import type { PaymentRequirements } from '@x402/core/types';

/** A verify or settle request of protocol version 2, ready to be sent. */
export function requestBody(requirements: PaymentRequirements, payload: Readonly<Record<string, unknown>>): Buffer {
  const paymentPayload = { x402Version: 2, accepted: requirements, payload };
  return Buffer.from(JSON.stringify({ x402Version: 2, paymentPayload, paymentRequirements: requirements }));
}
