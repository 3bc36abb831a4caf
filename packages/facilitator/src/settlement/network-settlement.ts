import type { Database } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import type { Examination, Payment } from '@tollkeeper/protocol';
import type { Submission } from './ready-payment.js';
import { createClaimHeights } from './claim-heights.js';
import { createClosing } from './close-transactions.js';
import { followPending } from './follow-pending.js';
import { createLaneGroup, type LaneGroupParts } from './lane-group.js';
import { createLateTransfers } from './late-transfers.js';
import { createOverdueLog } from './overdue-log.js';
import { createOvertaken } from './overtaken.js';
import { createPayerStandings } from './payer-standing.js';
import type { PaymentSignal } from './payment-signal.js';
import { createPlaces } from './places.js';
import { createReadyQueue } from './ready-queue.js';
import { createSettlementEnds } from './settlement-ends.js';
import type { Settled } from './settle-legs.js';
import { createSponsorship } from './sponsorship.js';
import { createSubmission, type ClaimedPayment } from './submit.js';
import { createTakeUp } from './take-up.js';
import { createWatch } from './watch.js';

export interface NetworkSettlementParts extends Omit<LaneGroupParts, 'queue' | 'track' | 'verifying' | 'sponsorship'> {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly signal: PaymentSignal;
  readonly examine: (payment: Payment) => Promise<Examination>;
  readonly settle: (settled: Settled) => Promise<boolean>;
}

export type NetworkSettlement = ReturnType<typeof createNetworkSettlement>;

/** The settlement of one network: its lanes, and the watch over everything that was sent through them. */
export function createNetworkSettlement(parts: NetworkSettlementParts) {
  const { chain, database, store, limits, events } = parts;
  const { network } = chain;
  const { processId } = store;
  const queue = createReadyQueue(chain);
  const close = createClosing({ ...parts, network, processId });
  const ends = createSettlementEnds({ ...parts, network, close, retry: (ids) => void takeUp.retry(ids) });
  const watch = createWatch({ ...parts, ...ends, pollMs: limits.pollMs, resendMs: limits.resendMs });
  const track = watch.track.bind(watch);
  const sponsorship = createSponsorship({ network, dailyBudget: limits.dailyBudget });
  const lanes = createLaneGroup({ ...parts, queue, track, sponsorship, verifying: () => submission.verifying() });
  const heights = createClaimHeights(parts);
  const submission = createSubmission({
    chain,
    queue,
    readHeight: heights.read,
    standingOf: createPayerStandings({ database, network }),
    payerFailuresMax: limits.payerFailuresMax,
    wake: lanes.wake,
    findOvertaking: createOvertaken({ ...parts, settle: ends.settle }),
  });
  const takeUp = createTakeUp({ ...parts, submit, canSign: lanes.canSign });
  const places = createPlaces({
    ...parts,
    processId,
    sponsorship,
    replaceAfterMs: limits.replaceAfterMs,
    track,
    close: ends.close,
    onEvent: (event) => {
      events.onPlace({ network, event });
    },
  });

  return {
    network,
    takesClaims: lanes.takesClaims,
    submit,
    noteHeight: heights.note,
    takeQueued: () => takeUp.takeQueued(),
    /** Keeps the leases of this process. */
    async keep() {
      await store.renewLeases(takeUp.underWay());
      await lanes.keep();
    },
    tendLanes: lanes.tend,
    follow: () => followPending(watch, { database, network }),
    lookAtPlaces: () => places.look(lanes.held()),
    lookForLateTransfers: createLateTransfers(parts),
    takeDropped: () => takeUp.takeDropped(),
    lookForOverdue: createOverdueLog({ ...parts, network }),
    lookAtBalances: lanes.lookAtFunds,
    /** What waits for a lane, what is in flight, and the lanes of this process. */
    state: () => ({ waiting: queue.size(), followed: watch.size(), ...lanes.counts() }),
    async stop() {
      await takeUp.stop();
      await lanes.stop();
      await watch.stop();
    },
  };

  async function submit(claimed: ClaimedPayment): Promise<Submission> {
    parts.checkpoint('claimed');
    try {
      return await submission.submit(claimed);
    } catch (error) {
      return { kind: 'trouble', error };
    }
  }
}
