import type { Chain } from '@tollkeeper/protocol';
import type { ReadyPayment } from './ready-payment.js';

/** The verified payments of one network that wait for a lane, oldest first. */
export interface ReadyQueue {
  add(payment: ReadyPayment): void;
  /** Those that travel next: one, or as many as may share a transaction. Empty when nothing waits. */
  take(): readonly ReadyPayment[];
  /** Puts back, before all others, what could not be carried. */
  putBack(payments: readonly ReadyPayment[]): void;
  /** Empties the queue. */
  takeAll(): readonly ReadyPayment[];
  size(): number;
}

/**
 * A payment that waits alone travels alone and at once; those that gathered while the lanes were busy share transactions, so
 * that transactions grow with the crowd. No payer has two payments in the queue, so no two of a transaction spend one balance.
 */
export function createReadyQueue(chain: Pick<Chain, 'sharing'>): ReadyQueue {
  let waiting: ReadyPayment[] = [];

  function take(): readonly ReadyPayment[] {
    const [first] = waiting;
    if (first === undefined) return [];
    const company = new Set([first]);
    let room = roomOf(first);
    // It changes with what is known of the chain.
    const { sharing } = chain;
    if (sharing !== undefined && room !== undefined) {
      for (const next of waiting) {
        if (company.size === sharing.maximumPayments) break;
        const needed = roomOf(next);
        if (next === first || needed === undefined || room + needed > sharing.maximumRoom) continue;
        company.add(next);
        room += needed;
      }
    }
    waiting = waiting.filter((each) => !company.has(each));
    return [...company];
  }

  return {
    add: (payment) => void waiting.push(payment),
    take,
    putBack(payments) {
      waiting = [...payments, ...waiting];
    },
    takeAll() {
      const all = waiting;
      waiting = [];
      return all;
    },
    size: () => waiting.length,
  };
}

function roomOf({ alone, payment }: ReadyPayment): bigint | undefined {
  return alone ? undefined : payment.room;
}
