import type { Database } from '@tollkeeper/database';
import type { AcceptablePayment, Chain } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { findInFlight, type TransactionInFlight } from './chain-transactions.js';
import type { CheckpointHook } from './checkpoint.js';
import type { FinalObservation } from './conclude.js';
import type { LastingWrites } from './lasting-writes.js';
import { openLanes } from './lanes.js';
import type { PaymentSignal } from './payment-signal.js';
import type { PaymentStore } from './payment-store.js';
import { createSerial } from './serial.js';
import { createSubmission, type Submission } from './submit.js';
import { createWatch } from './watch.js';

/** What is not on chain after this time is sent again. */
const resendMs = 3_000;

/** The settlement of one network: its lane, and the watch over everything that was sent through it. */
export function createNetworkSettlement(parts: {
  readonly chain: Chain;
  readonly database: Database;
  readonly store: PaymentStore;
  readonly signal: PaymentSignal;
  readonly conclude: (sent: TransactionInFlight, observation: FinalObservation) => Promise<boolean>;
  readonly checkpoint: CheckpointHook;
  readonly writes: LastingWrites;
  readonly log: Logger;
  readonly pollMs: number;
}) {
  const { chain, database, checkpoint, log } = parts;
  const submission = createSubmission({ ...parts, lane: createSerial() });
  const watch = createWatch({ ...parts, conclude: end, resendMs });
  return {
    network: chain.network,
    openLanes: () => openLanes(database, chain),
    submit,
    takeUp,
    stop: () => watch.stop(),
  };

  async function submit(paymentId: string, payment: AcceptablePayment): Promise<Submission> {
    checkpoint('claimed');
    const result = await submission(paymentId, payment);
    if (result.kind === 'submitted') watch.track(result.sent);
    return result;
  }

  /** Follows what is in flight and not followed yet, whoever sent it. */
  async function takeUp(): Promise<readonly TransactionInFlight[]> {
    const inFlight = await findInFlight(database, { network: chain.network });
    for (const sent of inFlight) watch.track(sent);
    return inFlight;
  }

  async function end(sent: TransactionInFlight, observation: FinalObservation): Promise<void> {
    checkpoint('observed');
    const isConcluded = await parts.conclude(sent, observation);
    checkpoint('posted');
    if (isConcluded) {
      const fields = { paymentId: sent.paymentId, transaction: sent.id, outcome: observation.state };
      log.info(fields, 'settlement concluded');
    }
    parts.signal.changed(sent.paymentId);
  }
}
