import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@tollkeeper/database';
import { isFault, type Authorization, type Chain, type Fault } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { SentTransaction } from './chain-transactions.js';
import type { CheckpointHook } from './checkpoint.js';
import { createLanes, type HeldLane } from './lanes.js';
import { createLaneWork, type LaneWork } from './lane-work.js';
import type { PaymentStore } from './payment-store.js';
import type { ReadyPayment } from './ready-payment.js';
import type { ReadyQueue } from './ready-queue.js';
import type { SettlementEvents } from './settlement-events.js';
import type { SettlementLimits } from './settlement-limits.js';
import { createSigning } from './sign-and-store.js';
import { createSignerFunds } from './signer-funds.js';
import type { Sponsorship } from './sponsorship.js';

/** A node that hangs keeps no payment from other processes for longer. */
const heightWaitMs = 250;

export interface LaneGroupParts {
  readonly chain: Chain;
  readonly database: Database;
  readonly store: PaymentStore;
  readonly queue: ReadyQueue;
  /** Whether this process signs at all. */
  readonly signs: boolean;
  /** Why a payment may not be signed now, by the operator's wish. */
  readonly pauseOf: (authorization: Authorization) => Fault | undefined;
  readonly track: (sent: SentTransaction) => void;
  /** How many payments will want a lane in a moment. */
  readonly verifying: () => number;
  readonly limits: SettlementLimits;
  readonly sponsorship: Sponsorship;
  readonly events: SettlementEvents;
  readonly checkpoint: CheckpointHook;
  readonly log: Logger;
}

/** The lanes of one network that this process works, with one queue for all of them. */
export function createLaneGroup(parts: LaneGroupParts) {
  const { chain, store, queue, limits, log } = parts;
  const { network } = chain;
  const lanes = createLanes({ ...parts, processId: store.processId });
  const funds = createSignerFunds({ ...parts, balanceMin: limits.signerBalanceMin });
  const lose = (signer: string) => {
    lanes.forget(signer);
    wake();
  };
  const works = createWorks(parts, { canSign, usable, lose });
  /** Who has not met the chain yet takes no lane, and no share of them from those who have. */
  let hasMet = false;

  return { canSign, takesClaims, held: () => lanes.held(), wake, keep, tend, lookAtFunds, counts, stop };

  function canSign(): boolean {
    return parts.signs && hasMet && (chain.ordered ? usable().length > 0 : unnumberedSigners(chain).every(canPay));
  }

  /** Who has not met the chain verifies what it claims all the same, so that callers hear at once that no node answers. */
  function takesClaims(): boolean {
    return canSign() || (parts.signs && !hasMet);
  }

  function canPay(signer: string): boolean {
    return !funds.isPoor(signer);
  }

  /** Lanes that can pay for what they sign. */
  function usable(): readonly HeldLane[] {
    return lanes.held().filter(({ signer }) => canPay(signer));
  }

  /** Sets the lanes to work, or leaves the work to other processes. */
  function wake(): void {
    if (!canSign()) void handOver();
    else for (const work of works) work.wake();
  }

  /** Keeps the leases of the lanes. Asks nobody but the database, so that a slow node costs no lease. */
  async function keep(): Promise<void> {
    if (parts.signs && hasMet && chain.ordered) await lanes.keep();
  }

  async function tend(): Promise<void> {
    if (!parts.signs) return;
    hasMet ||= (await funds.look()) && (await tellsNonces(chain));
    if (!hasMet) return;
    if (chain.ordered) await lanes.tend();
    wake();
  }

  /** What no lane of this process can sign is left at once to a process that can; others of its payer wait behind it. */
  async function handOver(): Promise<void> {
    const waiting = queue.takeAll();
    if (waiting.length === 0) return;
    try {
      await store.handOver(await withHeights(waiting));
      for (const each of waiting) each.end({ kind: 'handed_over' });
    } catch (error) {
      queue.putBack(waiting);
      log.warn({ err: error, network }, 'payments could not be left to other processes; it is tried again');
    }
  }

  async function lookAtFunds(): Promise<void> {
    if (parts.signs) await funds.look();
  }

  function counts(): { readonly lanes: number; readonly poor: number } {
    return { lanes: lanes.held().length, poor: funds.countPoor() };
  }

  /** Finishes what is being signed and sent, and gives the lanes back. */
  async function stop(): Promise<void> {
    await Promise.all(works.map((work) => work.idle()));
    if (!parts.signs || !chain.ordered) return;
    await lanes.release().catch((error: unknown) => {
      log.warn({ err: error, network }, 'lanes could not be given back; their leases will end');
    });
  }
}

function createWorks(
  parts: LaneGroupParts,
  lanes: {
    readonly canSign: () => boolean;
    readonly usable: () => readonly HeldLane[];
    readonly lose: (signer: string) => void;
  },
): readonly LaneWork[] {
  const { chain, events, store } = parts;
  const { network } = chain;
  const signAndStore = createSigning({
    ...parts,
    processId: store.processId,
  });
  const unnumbered = () => (lanes.canSign() ? null : undefined);
  const signers = chain.ordered ? chain.signers : unnumberedSigners(chain);
  return signers.map((signer) =>
    createLaneWork({
      ...parts,
      signer,
      lane: () => (chain.ordered ? lanes.usable().find((lane) => lane.signer === signer) : unnumbered()),
      signAndStore,
      onLaneLost: () => {
        lanes.lose(signer);
      },
      onBatch: (payments) => {
        events.onBatch({ network, payments });
      },
    }),
  );
}

/** Whether a node answers what lanes are opened with. */
async function tellsNonces(chain: Chain): Promise<boolean> {
  try {
    for (const signer of chain.signers) await chain.nextAccountNonce(signer);
    return true;
  } catch (error) {
    if (!isFault(error, 'CHAIN_RPC_UNAVAILABLE')) throw error;
    return false;
  }
}

/** Without the height of its claim, what a stranger carries out from now on would be taken for older than the claim. */
async function withHeights(payments: readonly ReadyPayment[]) {
  const enough = sleep(heightWaitMs, undefined, { ref: false });
  return Promise.all(
    payments.map(async ({ paymentId, claimHeight }) => {
      return { paymentId, claimedAtBlock: await Promise.race([claimHeight, enough]) };
    }),
  );
}

/** Where transactions are not numbered, one worker signs for everybody. */
function unnumberedSigners({ signers }: Chain): readonly string[] {
  return signers.slice(0, 1);
}
