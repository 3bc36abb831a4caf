import {
  failedAnswer,
  Fault,
  readPaymentRequest,
  type Payment,
  type Reply,
  type SettleAnswer,
} from '@tollkeeper/protocol';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { describeExchange, openExchange, type Exchange } from '../http/exchange.js';
import { toFault } from '../http/to-fault.js';
import type { RecordedSettlement, RecordedSettlements } from '../idempotency/recorded-settlements.js';
import type { Admit } from '../payment/admission.js';
import type { Prove, ProvenPayment } from '../payment/proven-payment.js';
import type { SchemeRegistry } from '../payment/scheme-registry.js';
import type { Delivery } from '../settlement/delivery.js';
import { paymentStateOf, type PaymentRow } from '../settlement/payment-row.js';
import type { Settlement } from '../settlement/join.js';

/** `POST /settle` (x402 v2 specification, section 7.2). Needs no earlier `/verify`. */
export function addSettleRoute(
  app: FastifyInstance,
  parts: {
    readonly schemes: SchemeRegistry;
    readonly prove: Prove;
    readonly admit: Admit;
    readonly settle: (payment: ProvenPayment, abort: AbortSignal) => Promise<Settlement>;
    readonly recordedSettlements: RecordedSettlements;
  },
): void {
  app.post('/settle', { config: { operation: 'settle' } }, async (request, reply): Promise<SettleAnswer> => {
    const exchange = (request.exchange ??= openExchange('settle'));
    const parsed = readPaymentRequest(request.body);
    describeExchange(exchange, parsed, parts.schemes);
    if (parsed.kind === 'malformed') throw new Fault('REQUEST_MALFORMED', { detail: parsed.detail });
    const record = await parts.recordedSettlements.open(request);
    if (record?.kind === 'answered') return repeatAnswer(record.body, { exchange, response: reply });
    try {
      const answer =
        parsed.kind === 'refused'
          ? failedAnswer(parsed.reply, parsed)
          : await answerTo(parsed.payment, { to: parsed.reply, response: reply, record });
      exchange.outcome = answer.errorReason ?? 'ok';
      if (!answer.success) await record?.answer(answer);
      return answer;
    } catch (error) {
      await record?.fail(toFault(error)).catch(() => undefined);
      throw error;
    }
  });

  async function answerTo(
    payment: Payment,
    { to, response, record }: { to: Reply; response: FastifyReply; record: OpenRecord | undefined },
  ): Promise<SettleAnswer> {
    const proof = await parts.prove(payment);
    if (!proof.proven) return failedAnswer(to, proof);
    const { payer } = proof.payment.authorization;
    const refusal = await parts.admit(proof.payment);
    if (refusal !== undefined) return failedAnswer(to, { rejection: refusal, payer });
    const settlement = await parts.settle(proof.payment, callerGone(response));
    if (settlement.kind === 'success') {
      const answer = successAnswer(settlement.delivery.payment, to);
      if (record === undefined) endWithResponse(settlement.delivery, response);
      else await settlement.delivery.spendIn((spent) => record.answer(answer, spent));
      return answer;
    }
    const { row, rejection } = settlement;
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

type OpenRecord = Extract<RecordedSettlement, { kind: 'open' }>;

/** What was answered before, to the byte. */
function repeatAnswer(
  body: string,
  { exchange, response }: { exchange: Exchange; response: FastifyReply },
): SettleAnswer {
  const answer = JSON.parse(body) as SettleAnswer;
  exchange.outcome = answer.errorReason ?? 'ok';
  response.header('idempotency-replayed', 'true');
  return answer;
}

const callerLeft = 'The caller is gone';

function callerGone(response: FastifyReply): AbortSignal {
  const gone = new AbortController();
  // With a reason, because every response closes in the end and to make an error for each is dear.
  whenClosed(response, () => {
    gone.abort(callerLeft);
  });
  return gone.signal;
}

/** The success is spent when its last byte was handed to the operating system, and not before. */
function endWithResponse(delivery: Delivery, response: FastifyReply): void {
  whenClosed(response, () => {
    void (response.raw.writableFinished ? delivery.confirm() : delivery.giveBack());
  });
}

/**
 * Tells once that a response is over. One that waits for its turn behind others on the connection does not close with it, so the
 * connection is asked too.
 */
function whenClosed({ raw, request }: FastifyReply, tell: () => void): void {
  const { socket } = request.raw;
  if (raw.destroyed || socket.destroyed) {
    tell();
    return;
  }
  const end = () => {
    raw.off('close', end);
    socket.off('close', end);
    tell();
  };
  // One for each answer under way on the connection, which may be many.
  socket.setMaxListeners(0);
  raw.once('close', end);
  socket.once('close', end);
}
