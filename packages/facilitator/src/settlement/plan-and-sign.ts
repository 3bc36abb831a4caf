import type { Chain, Rejection } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { PlannedTransaction } from './planned-transaction.js';
import type { ReadyPayment } from './ready-payment.js';
import type { SentTransaction } from './chain-transactions.js';
import type { HeldLane } from './lanes.js';
import type { ReadyQueue } from './ready-queue.js';
import type { Signing, Unable } from './sign-and-store.js';

export interface PlanAndSignParts {
  readonly chain: Chain;
  readonly queue: ReadyQueue;
  /** The address that signs. */
  readonly signer: string;
  /** The lane as this process holds it now; undefined: it does not, and nothing may be signed. Null: no lane is needed. */
  readonly lane: () => HeldLane | undefined | null;
  readonly signAndStore: (planned: readonly PlannedTransaction[], lane: HeldLane | undefined) => Promise<Signing>;
  readonly send: (payments: readonly ReadyPayment[], transactions: readonly SentTransaction[]) => Promise<void>;
  /** The lane was found to have gone to another process. */
  readonly onLaneLost: () => void;
  readonly log: Logger;
}

/**
 * Plans the transactions of verified payments (one for all of them where the signer's transactions are numbered, else one for
 * each), has them signed and stored, and hands them on to be sent. What cannot be signed here goes back into the queue or is
 * told its end. Never throws.
 */
export function createPlanAndSign(parts: PlanAndSignParts) {
  const { chain, queue, log } = parts;
  return (payments: readonly ReadyPayment[]) => (chain.ordered ? signTogether(payments) : signApart(payments));

  /** All in one transaction. */
  async function signTogether(payments: readonly ReadyPayment[]): Promise<void> {
    const [first, ...company] = payments;
    if (first === undefined) return;
    try {
      const planned = await first.payment.plan({
        signer: parts.signer,
        company: company.map(({ payment }) => payment),
      });
      if (planned.planned) await signStoreAndSend([{ plan: planned.plan, payments }]);
      else if (company.length === 0) first.end({ kind: 'refused', rejection: planned.rejection });
      else await signHalves(payments);
    } catch (error) {
      fail(parts, payments, error);
    }
  }

  /** Each in a transaction of its own, stored together. */
  async function signApart(payments: readonly ReadyPayment[]): Promise<void> {
    try {
      const transactions = await planApart(parts, payments);
      if (transactions.length > 0) await signStoreAndSend(transactions);
    } catch (error) {
      fail(parts, payments, error);
    }
  }

  /** Something about the company is refused, which says nothing about any one of them. */
  async function signHalves(payments: readonly ReadyPayment[]): Promise<void> {
    const middle = Math.ceil(payments.length / 2);
    await signTogether(payments.slice(0, middle));
    await signTogether(payments.slice(middle));
  }

  async function signStoreAndSend(planned: readonly PlannedTransaction[]): Promise<Signing | undefined> {
    const payments = planned.flatMap((each) => each.payments);
    const lane = parts.lane();
    if (lane === undefined) {
      queue.putBack(payments);
      return undefined;
    }
    const signing = await parts.signAndStore(planned, lane ?? undefined);
    if (signing.kind === 'stored') await parts.send(payments, signing.transactions);
    else if (signing.kind === 'lane_lost') loseLane(payments);
    else await signWithout(payments, signing.unable);
    return signing;
  }

  /** Another lane of this process goes on with these, or another process. */
  function loseLane(payments: readonly ReadyPayment[]): void {
    queue.putBack(payments);
    parts.onLaneLost();
    log.warn({ network: chain.network, signer: parts.signer }, 'the lane went to another process');
  }

  async function signWithout(
    payments: readonly ReadyPayment[],
    unable: ReadonlyMap<ReadyPayment, Unable>,
  ): Promise<void> {
    const able = payments.filter((each) => !unable.has(each));
    const beneficiaries = payments.length === 1 ? new Map<ReadyPayment, string>() : beneficiariesOf(unable);
    for (const [each, reason] of unable) if (!beneficiaries.has(each)) each.end(endOf(reason));
    await (chain.ordered ? signTogether(able) : signApart(able));
    const apart = await planApart(parts, [...beneficiaries.keys()]);
    await signWithinBudgets({ apart, beneficiaries, isUnsponsored });
  }

  /** Signs it, unless a budget does not suffice for it. */
  async function isUnsponsored(planned: LonePlan): Promise<boolean> {
    try {
      const signing = await signStoreAndSend([planned]);
      return signing?.kind === 'without' && beneficiariesOf(signing.unable).has(planned.payments[0]);
    } catch (error) {
      fail(parts, planned.payments, error);
      return false;
    }
  }
}

/** A transaction for one payment. */
type LonePlan = PlannedTransaction & { readonly payments: readonly [ReadyPayment] };

/** A transaction for each; what cannot be planned is told its end. Never throws. */
async function planApart(parts: PlanAndSignParts, payments: readonly ReadyPayment[]): Promise<readonly LonePlan[]> {
  const planned = await Promise.all(
    payments.map(async (each): Promise<readonly LonePlan[]> => {
      try {
        const planning = await each.payment.plan({ signer: parts.signer, company: [] });
        if (planning.planned) return [{ plan: planning.plan, payments: [each] }];
        each.end({ kind: 'refused', rejection: planning.rejection });
      } catch (error) {
        fail(parts, [each], error);
      }
      return [];
    }),
  );
  return planned.flat();
}

/**
 * A budget that does not suffice for all of a beneficiary's payments may suffice for some. They are signed one after another, the
 * cheapest first, until it does not suffice for one: if each were tried, a spent budget would stall the lane for everybody.
 */
async function signWithinBudgets(parts: {
  readonly apart: readonly LonePlan[];
  readonly beneficiaries: ReadonlyMap<ReadyPayment, string>;
  readonly isUnsponsored: (each: LonePlan) => Promise<boolean>;
}): Promise<void> {
  const spent = new Set<string>();
  for (const each of parts.apart.toSorted(byMaximumFee)) {
    const [payment] = each.payments;
    const beneficiary = parts.beneficiaries.get(payment) ?? '';
    if (spent.has(beneficiary)) payment.end(endOf({ beneficiary }));
    else if (await parts.isUnsponsored(each)) spent.add(beneficiary);
  }
}

function beneficiariesOf(unable: ReadonlyMap<ReadyPayment, Unable>): ReadonlyMap<ReadyPayment, string> {
  return new Map(
    [...unable].flatMap(([each, reason]) =>
      typeof reason === 'object' && 'beneficiary' in reason ? [[each, reason.beneficiary] as const] : [],
    ),
  );
}

function fail({ chain, log }: PlanAndSignParts, payments: readonly ReadyPayment[], error: unknown): void {
  log.warn({ err: error, network: chain.network, payments: payments.length }, 'settlement could not be signed');
  for (const each of payments) each.end({ kind: 'trouble', error });
}

function endOf(reason: Unable): Parameters<ReadyPayment['end']>[0] {
  if (typeof reason === 'object') {
    return { kind: 'refused', rejection: 'rejection' in reason ? reason.rejection : unsponsored };
  }
  return reason === 'lost' ? { kind: 'lost' } : 'stale';
}

const unsponsored: Rejection = {
  reason: 'unexpected_settle_error',
  detail: "The day's budget for network fees of payments to this merchant is spent; try again tomorrow",
  isPassing: true,
};

function byMaximumFee(one: LonePlan, other: LonePlan): number {
  if (one.plan.maximumFee === other.plan.maximumFee) return 0;
  return one.plan.maximumFee < other.plan.maximumFee ? -1 : 1;
}
