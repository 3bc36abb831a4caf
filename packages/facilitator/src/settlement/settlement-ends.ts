import type { Network } from '@tollkeeper/protocol';
import { withoutRedaction, type Logger } from '../logging/logger.js';
import type { CheckpointHook } from './checkpoint.js';
import type { Closed, Closing } from './close-transactions.js';
import type { HeldLane } from './lanes.js';
import type { PaymentSignal } from './payment-signal.js';
import type { Settled } from './settle-legs.js';
import type { SettlementEvents } from './settlement-events.js';

/** Settles and closes, and tells everybody who wants to know. */
export function createSettlementEnds(parts: {
  readonly network: Network;
  readonly settle: (settled: Settled) => Promise<boolean>;
  readonly close: (closings: readonly Closing[], lane?: HeldLane) => Promise<Closed>;
  /** Sends payments again, each alone. */
  readonly retry: (paymentIds: readonly string[]) => void;
  readonly signal: PaymentSignal;
  readonly events: SettlementEvents;
  readonly checkpoint: CheckpointHook;
  readonly log: Logger;
}) {
  const { network, signal, events } = parts;
  const log = withoutRedaction(parts.log);
  return { settle: settleLeg, close: closeAll };

  async function settleLeg(settled: Settled): Promise<void> {
    parts.checkpoint('observed');
    const isSettled = await parts.settle(settled);
    parts.checkpoint('posted');
    const { paymentId, effect } = settled;
    if (isSettled) log.info({ paymentId, transaction: effect.transaction, outcome: 'settled' }, 'settlement concluded');
    signal.changed(paymentId);
  }

  async function closeAll(closings: readonly Closing[], lane?: HeldLane): Promise<readonly string[]> {
    if (closings.some(({ failures }) => failures.size > 0)) parts.checkpoint('observed');
    const { over, ended, failed, retries } = await parts.close(closings, lane);
    for (const paymentId of failed) {
      log.info({ paymentId, outcome: 'failed' }, 'settlement concluded');
      signal.changed(paymentId);
    }
    for (const state of ended) events.onTransaction({ network, state });
    if (failed.length > 0) events.onConcluded({ network, state: 'failed', payments: failed.length });
    if (retries.length > 0) events.onRetry({ network, payments: retries.length });
    parts.retry(retries);
    return over;
  }
}
