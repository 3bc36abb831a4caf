import { randomUUID } from 'node:crypto';
import type { Answer, AnswerStore } from './answer-store.js';
import type { CheckpointHook } from './checkpoint.js';
import type { LastingWrites } from './lasting-writes.js';
import type { PaymentRow } from './payment-row.js';
import type { PaymentSignal } from './payment-signal.js';

/** The right to hand out the one success of a payment. Whoever holds it must end it, in one of three ways. */
export interface Delivery {
  /** The payment that it is about, settled. */
  readonly payment: PaymentRow;
  /** The response was flushed: the success is spent. */
  confirm(): Promise<void>;
  /** The connection broke first: the success goes to the next caller. */
  giveBack(): Promise<void>;
  /** The success is spent in the transaction in which `store` keeps it; where that fails, it goes to the next caller. */
  spendIn(store: (spent: Answer) => Promise<void>): Promise<void>;
}

/** Takes the right to answer success, or undefined where another caller has it or had it. */
export type TakeDelivery = (paymentId: string) => Promise<Delivery | undefined>;

export function createDeliveries(parts: {
  readonly answers: AnswerStore;
  readonly signal: PaymentSignal;
  readonly writes: LastingWrites;
  readonly checkpoint: CheckpointHook;
}): TakeDelivery {
  const { answers, signal, writes } = parts;
  /** Handed out by this process, and what became of it is not in the database yet. Its lease there may run out meanwhile. */
  const unrecorded = new Set<string>();

  return async function takeDelivery(paymentId) {
    if (unrecorded.has(paymentId)) return undefined;
    const answer = { paymentId, caller: randomUUID() };
    const payment = await answers.takeDelivery(answer);
    if (payment === undefined) return undefined;
    unrecorded.add(paymentId);
    parts.checkpoint('answering');
    return {
      payment,
      confirm: () => end('delivery could not be confirmed', () => answers.confirmDelivery(answer)),
      giveBack,
      async spendIn(store) {
        try {
          await store(answer);
        } catch (error) {
          // Where it was stored all the same, it is spent, and nothing is there to be given back.
          void giveBack();
          throw error;
        }
        tell();
      },
    };

    function giveBack(): Promise<void> {
      return end('delivery could not be given back', () => answers.returnDelivery(answer));
    }

    async function end(trouble: string, run: () => Promise<void>): Promise<void> {
      await writes.write({ paymentId, trouble, run });
      tell();
    }

    function tell(): void {
      unrecorded.delete(paymentId);
      signal.changed(paymentId);
    }
  };
}
