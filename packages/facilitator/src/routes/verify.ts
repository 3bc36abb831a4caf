import {
  Fault,
  invalidAnswer,
  readPaymentRequest,
  validAnswer,
  type Payment,
  type Reply,
  type VerifyAnswer,
} from '@tollkeeper/protocol';
import type { FastifyInstance } from 'fastify';
import { describeExchange, openExchange } from '../http/exchange.js';
import type { Prove, ProvenPayment } from '../payment/proven-payment.js';
import type { SchemeRegistry } from '../payment/scheme-registry.js';
import type { Verification } from '../verification/verify.js';

/** `POST /verify` (x402 v2 specification, section 7.1). Writes nothing and reserves nothing. */
export function addVerifyRoute(
  app: FastifyInstance,
  parts: {
    readonly schemes: SchemeRegistry;
    readonly prove: Prove;
    readonly verify: (payment: ProvenPayment) => Promise<Verification>;
  },
): void {
  app.post('/verify', { config: { operation: 'verify' } }, async (request): Promise<VerifyAnswer> => {
    const exchange = (request.exchange ??= openExchange('verify'));
    const parsed = readPaymentRequest(request.body);
    describeExchange(exchange, parsed, parts.schemes);
    if (parsed.kind === 'malformed') throw new Fault('REQUEST_MALFORMED', { detail: parsed.detail });
    const answer =
      parsed.kind === 'refused' ? invalidAnswer(parsed.reply, parsed) : await answerTo(parsed.payment, parsed.reply);
    exchange.outcome = answer.invalidReason ?? 'ok';
    return answer;
  });

  async function answerTo(payment: Payment, reply: Reply): Promise<VerifyAnswer> {
    const proof = await parts.prove(payment);
    if (!proof.proven) return invalidAnswer(reply, proof);
    const { payer } = proof.payment.authorization;
    const rejection = await parts.verify(proof.payment);
    return rejection === undefined ? validAnswer(payer) : invalidAnswer(reply, { rejection, payer });
  }
}
