import type { Database } from '@tollkeeper/database';
import {
  isFault,
  type Authorization,
  type Chain,
  type Fault,
  type Examination,
  type Payment,
} from '@tollkeeper/protocol';
import type { Ledger } from '@tollkeeper/ledger';
import type { Logger } from '../logging/logger.js';
import type { Submission } from './carriage.js';
import { findPendingIds, findTransactions, type SentTransaction } from './chain-transactions.js';
import type { CheckpointHook } from './checkpoint.js';
import { createClosing, type Closing } from './close-transactions.js';
import { createLanes, type HeldLane } from './lanes.js';
import { createLaneWork, type LaneWork } from './lane-work.js';
import { createLateTransfers } from './late-transfers.js';
import { createPayerStandings } from './payer-standing.js';
import type { PaymentSignal } from './payment-signal.js';
import type { PaymentStore } from './payment-store.js';
import { createPlaces } from './places.js';
import { createReadyQueue } from './ready-queue.js';
import type { Settled } from './settle-legs.js';
import type { SettlementEvents } from './settlement-events.js';
import type { SettlementLimits } from './settlement-limits.js';
import { createSigning } from './sign-and-store.js';
import { createSponsorship } from './sponsorship.js';
import { createSubmission, type ClaimedPayment } from './submit.js';
import { createTakeUp } from './take-up.js';
import { createWatch } from './watch.js';

export interface NetworkSettlementParts {
  readonly chain: Chain;
  readonly database: Database;
  readonly ledger: Ledger;
  readonly store: PaymentStore;
  readonly signal: PaymentSignal;
  readonly examine: (payment: Payment) => Examination;
  readonly settle: (settled: Settled) => Promise<boolean>;
  /** Whether this process signs at all. */
  readonly signs: boolean;
  /** Why a payment may not be signed now, by the operator's wish. */
  readonly pauseOf: (authorization: Authorization) => Fault | undefined;
  readonly limits: SettlementLimits;
  readonly events: SettlementEvents;
  readonly checkpoint: CheckpointHook;
  readonly log: Logger;
}

export type NetworkSettlement = ReturnType<typeof createNetworkSettlement>;

/** The settlement of one network: its lanes, and the watch over everything that was sent through them. */
export function createNetworkSettlement(parts: NetworkSettlementParts) {
  const { chain, database, store, signal, limits, events, log } = parts;
  const { network } = chain;
  const queue = createReadyQueue(chain);
  const lanes = createLanes({ ...parts, processId: store.processId });
  const poor = new Set<string>();
  const close = createClosing({ ...parts, network, processId: store.processId });
  const watch = createWatch({
    ...parts,
    settle: settleLeg,
    close: closeAll,
    pollMs: limits.pollMs,
    resendMs: limits.resendMs,
  });
  const works = createWorks();
  const submission = createSubmission({
    chain,
    queue,
    standingOf: createPayerStandings({ database, network }),
    payerFailuresMax: limits.payerFailuresMax,
    wake,
  });
  const places = createPlaces({
    ...parts,
    processId: store.processId,
    replaceAfterMs: limits.replaceAfterMs,
    track: (sent) => watch.track(sent),
    close: closeAll,
    onEvent: (event) => events.onPlace({ network, event }),
  });
  const lookForLateTransfers = createLateTransfers(parts);
  const takeUp = createTakeUp({ ...parts, submit, canSign });

  return {
    network,
    canSign,
    submit,
    tendLanes,
    takeQueued: () => takeUp.takeQueued(),
    keep: () => store.renewLeases(takeUp.underWay()),
    follow,
    lookAtPlaces: () => places.look(usable()),
    lookForLateTransfers,
    lookAtBalances,
    /** What waits for a lane, what is in flight, and the lanes of this process. */
    state: () => ({ waiting: queue.size(), followed: watch.size(), lanes: lanes.held().length, poor: poor.size }),
    stop,
  };

  function canSign(): boolean {
    return parts.signs && (!chain.ordered || usable().length > 0);
  }

  /** Lanes that can pay for what they sign. */
  function usable(): readonly HeldLane[] {
    return lanes.held().filter(({ signer }) => !poor.has(signer));
  }

  async function submit(claimed: ClaimedPayment): Promise<Submission> {
    parts.checkpoint('claimed');
    try {
      return await submission(claimed);
    } catch (error) {
      return { kind: 'trouble', error };
    }
  }

  function createWorks(): readonly LaneWork[] {
    const signers = chain.ordered ? chain.signers : chain.signers.slice(0, 1);
    const signAndStore = createSigning({
      ...parts,
      processId: store.processId,
      sponsorship: createSponsorship({ network, dailyBudget: limits.dailyBudget }),
    });
    return signers.map((signer) =>
      createLaneWork({
        ...parts,
        queue,
        signer,
        lane: () => (chain.ordered ? usable().find((lane) => lane.signer === signer) : null),
        signAndStore,
        track: (sent) => watch.track(sent),
        onLaneLost: () => {
          lanes.forget(signer);
          wake();
        },
        onBatch: (payments) => events.onBatch({ network, payments }),
      }),
    );
  }

  function wake(): void {
    if (!canSign()) void handOver();
    else for (const work of works) work.wake();
  }

  async function tendLanes(): Promise<void> {
    if (!parts.signs || !chain.ordered) return;
    await lanes.tend();
    wake();
  }

  /** What no lane of this process can sign is left at once to a process that can; others of its payer wait behind it. */
  async function handOver(): Promise<void> {
    const waiting = queue.takeAll();
    if (waiting.length === 0) return;
    try {
      await store.handOver(waiting.map(({ paymentId }) => paymentId));
      for (const each of waiting) each.end({ kind: 'handed_over' });
    } catch (error) {
      queue.putBack(waiting);
      log.warn({ err: error, network }, 'payments could not be left to other processes; it is tried again');
    }
  }

  /** Follows what is in flight and not followed yet, whoever sent it. Answers how much that was. */
  async function follow(): Promise<readonly SentTransaction[]> {
    const before = watch.followed();
    const pending = new Set(await findPendingIds(database, network));
    watch.drop([...before].filter((id) => !pending.has(id)));
    const fresh = await findTransactions(database, {
      network,
      ids: [...pending].filter((id) => !watch.followed().has(id)),
    });
    for (const sent of fresh) watch.track(sent);
    return fresh;
  }

  async function lookAtBalances(): Promise<void> {
    if (!parts.signs) return;
    for (const signer of chain.signers) {
      try {
        const balance = await chain.nativeBalance(signer);
        events.onBalance({ network, signer, balance });
        if (balance >= limits.signerBalanceMin(network)) poor.delete(signer);
        else if (!poor.has(signer)) {
          poor.add(signer);
          log.error(
            { network, signer, balance: balance.toString() },
            'a signer is short of native coin and leaves rotation',
          );
        }
      } catch (error) {
        if (!isFault(error, 'CHAIN_RPC_UNAVAILABLE')) throw error;
      }
    }
  }

  async function settleLeg(settled: Settled): Promise<void> {
    parts.checkpoint('observed');
    const isSettled = await parts.settle(settled);
    parts.checkpoint('posted');
    const { paymentId, effect } = settled;
    if (isSettled) log.info({ paymentId, transaction: effect.transaction, outcome: 'settled' }, 'settlement concluded');
    signal.changed(paymentId);
  }

  async function closeAll(closings: readonly Closing[]): Promise<readonly string[]> {
    if (closings.some(({ failures }) => failures.size > 0)) parts.checkpoint('observed');
    const { over, failed, retries } = await close(closings);
    for (const paymentId of failed) {
      log.info({ paymentId, outcome: 'failed' }, 'settlement concluded');
      signal.changed(paymentId);
    }
    for (const { state } of closings) events.onTransaction({ network, state });
    if (retries.length > 0) events.onRetry({ network, payments: retries.length });
    void takeUp.retry(retries);
    return over;
  }

  async function stop(): Promise<void> {
    await Promise.all(works.map((work) => work.idle()));
    await takeUp.idle();
    await watch.stop();
    if (parts.signs && chain.ordered) await lanes.release();
  }
}
