import {
  failedAnswer,
  Fault,
  readPaymentRequest,
  type Payment,
  type Reply,
  type SettleAnswer,
} from '@tollkeeper/protocol';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { describeExchange, openExchange } from '../http/exchange.js';
import type { Proof, ProvenPayment } from '../payment/proven-payment.js';
import type { SchemeRegistry } from '../payment/scheme-registry.js';
import type { Delivery } from '../settlement/delivery.js';
import { paymentStateOf, type PaymentRow } from '../settlement/payment-row.js';
import type { Settlement } from '../settlement/join.js';

/** `POST /settle` (x402 v2 specification, section 7.2). Needs no earlier `/verify`. */
export function addSettleRoute(
  app: FastifyInstance,
  parts: {
    readonly schemes: SchemeRegistry;
    readonly prove: (payment: Payment) => Promise<Proof>;
    readonly settle: (payment: ProvenPayment, abort: AbortSignal) => Promise<Settlement>;
  },
): void {
  app.post('/settle', { config: { operation: 'settle' } }, async (request, reply): Promise<SettleAnswer> => {
    const exchange = (request.exchange ??= openExchange('settle'));
    const parsed = readPaymentRequest(request.body);
    describeExchange(exchange, parsed, parts.schemes);
    if (parsed.kind === 'malformed') throw new Fault('REQUEST_MALFORMED', { detail: parsed.detail });
    const answer =
      parsed.kind === 'refused'
        ? failedAnswer(parsed.reply, parsed)
        : await answerTo(parsed.payment, { to: parsed.reply, response: reply });
    exchange.outcome = answer.errorReason ?? 'ok';
    return answer;
  });

  async function answerTo(
    payment: Payment,
    { to, response }: { to: Reply; response: FastifyReply },
  ): Promise<SettleAnswer> {
    const proof = await parts.prove(payment);
    if (!proof.proven) return failedAnswer(to, proof);
    const settlement = await parts.settle(proof.payment, callerGone(response));
    if (settlement.kind === 'success') {
      endWithResponse(settlement.delivery, response);
      return successAnswer(settlement.row, to);
    }
    const { row, rejection } = settlement;
    const { payer } = proof.payment.authorization;
    return failedAnswer(to, { rejection, payer, transaction: row?.transaction ?? '', extra: row && extraOf(row) });
  }
}

function successAnswer(row: PaymentRow, to: Reply): SettleAnswer {
  return {
    success: true,
    payer: row.payer,
    transaction: row.transaction ?? '',
    network: to.network,
    amount: row.amount.toString(),
    extra: extraOf(row),
  };
}

/** The payment's id, for `GET /payments/:id`, and whether money moved, so that nobody has to guess from a reason. */
function extraOf(row: PaymentRow): Record<string, unknown> {
  return { paymentId: row.id, paymentState: paymentStateOf(row) };
}

function callerGone(response: FastifyReply): AbortSignal {
  const gone = new AbortController();
  response.raw.once('close', () => {
    gone.abort();
  });
  if (response.raw.destroyed) gone.abort();
  return gone.signal;
}

/** The success is spent when its last byte was handed to the operating system, and not before. */
function endWithResponse(delivery: Delivery, response: FastifyReply): void {
  const { raw } = response;
  if (raw.destroyed) {
    void delivery.giveBack();
    return;
  }
  raw.once('close', () => {
    void (raw.writableFinished ? delivery.confirm() : delivery.giveBack());
  });
}
