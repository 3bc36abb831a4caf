import { randomUUID } from 'node:crypto';
import type { Logger } from '../logging/logger.js';
import type { PaymentSignal } from './payment-signal.js';
import type { AnswerStore } from './answer-store.js';

/** The right to hand out the one success of a payment. Whoever holds it must end it, in one of two ways. */
export interface Delivery {
  /** The response was flushed: the success is spent. */
  confirm(): Promise<void>;
  /** The connection broke first: the success goes to the next caller. */
  giveBack(): Promise<void>;
}

/** Takes the right to answer success, or undefined where another caller has it or had it. */
export async function takeDelivery(
  parts: { readonly answers: AnswerStore; readonly signal: PaymentSignal; readonly log: Logger },
  paymentId: string,
): Promise<Delivery | undefined> {
  const caller = randomUUID();
  if (!(await parts.answers.takeDelivery(paymentId, caller))) return undefined;
  return {
    confirm: () => end('delivery could not be confirmed', () => parts.answers.confirmDelivery(paymentId, caller)),
    giveBack: () => end('delivery could not be given back', () => parts.answers.returnDelivery(paymentId, caller)),
  };

  async function end(trouble: string, record: () => Promise<void>): Promise<void> {
    try {
      await record();
    } catch (error) {
      // The lease runs out by itself, so a failure here cannot lose the answer; it can only offer it once more.
      parts.log.error({ err: error, paymentId }, trouble);
    }
    parts.signal.changed(paymentId);
  }
}
