import { setTimeout as sleep } from 'node:timers/promises';
import { baseSepolia, type AcceptablePayment, type Chain, type Payment } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { createLogger } from '../logging/logger.js';
import type { PaymentSignal } from './payment-signal.js';
import type { PaymentStore } from './payment-store.js';
import type { QueuedPayment } from './queued-payments.js';
import type { Submission } from './ready-payment.js';
import { createTakeUp } from './take-up.js';

const queued: QueuedPayment = {
  paymentId: 'payment',
  request: {} as Payment,
  claimedAtBlock: 7n,
  isTakenOver: false,
  alone: false,
};

test('what waits for its turn when the process stops is left to other processes', async () => {
  const handedOver: unknown[] = [];
  const store = {
    takeQueued: () => Promise.resolve([queued]),
    handOver: (payments: readonly unknown[]) => Promise.resolve(void handedOver.push(...payments)),
  } as unknown as PaymentStore;
  const takeUp = createTakeUp({
    database: undefined as never,
    chain: { network: baseSepolia } as Chain,
    store,
    signal: { changed: () => undefined } as unknown as PaymentSignal,
    examine: () => Promise.resolve({ kind: 'acceptable', payment: {} as AcceptablePayment }),
    async submit({ isWithdrawn }): Promise<Submission> {
      while (!isWithdrawn()) await sleep(1);
      return { kind: 'lost' };
    },
    settle: () => Promise.resolve(true),
    canSign: () => true,
    events: { onConcluded: () => undefined } as never,
    log: createLogger({ level: 'silent' }),
  });
  await takeUp.takeQueued();
  expect(takeUp.underWay()).toEqual(['payment']);
  await takeUp.stop();
  expect(takeUp.underWay()).toEqual([]);
  expect(handedOver).toEqual([{ paymentId: 'payment', claimedAtBlock: 7n }]);
});
