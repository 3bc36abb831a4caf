import type { Chain, Rejection } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { Carriage, ReadyPayment } from './carriage.js';
import type { SentTransaction } from './chain-transactions.js';
import type { HeldLane } from './lanes.js';
import type { ReadyQueue } from './ready-queue.js';
import type { Signing, Unable } from './sign-and-store.js';

export interface CarryingParts {
  readonly chain: Chain;
  readonly queue: ReadyQueue;
  /** The address that signs. */
  readonly signer: string;
  /** The lane as this process holds it now; undefined: it does not, and nothing may be signed. Null: no lane is needed. */
  readonly lane: () => HeldLane | undefined | null;
  readonly signAndStore: (carriages: readonly Carriage[], lane: HeldLane | undefined) => Promise<Signing>;
  readonly send: (payments: readonly ReadyPayment[], transactions: readonly SentTransaction[]) => Promise<void>;
  /** The lane was found to have gone to another process. */
  readonly onLaneLost: () => void;
  readonly log: Logger;
}

/**
 * Brings verified payments to their signature, together where they share a transaction and each in one of its own where they do
 * not, or back into the queue. Never throws.
 */
export function createCarrying(parts: CarryingParts) {
  const { chain, queue, log } = parts;
  return (payments: readonly ReadyPayment[]) => (chain.ordered ? carry(payments) : carryApart(payments));

  /** All in one transaction. */
  async function carry(payments: readonly ReadyPayment[]): Promise<void> {
    const [first, ...company] = payments;
    if (first === undefined) return;
    try {
      const planned = await first.payment.plan({
        signer: parts.signer,
        company: company.map(({ payment }) => payment),
      });
      if (planned.planned) await sign([{ plan: planned.plan, payments }]);
      else if (company.length === 0) first.end({ kind: 'refused', rejection: planned.rejection });
      else await carryHalves(payments);
    } catch (error) {
      fail(parts, payments, error);
    }
  }

  /** Each in a transaction of its own, stored together. */
  async function carryApart(payments: readonly ReadyPayment[]): Promise<void> {
    try {
      const plans = await Promise.all(
        payments.map((each) =>
          each.payment.plan({ signer: parts.signer, company: [] }).catch((error: unknown) => error),
        ),
      );
      const carriages: Carriage[] = [];
      for (const [index, each] of payments.entries()) {
        const planned = plans[index] as Awaited<ReturnType<ReadyPayment['payment']['plan']>> | Error;
        if (planned instanceof Error) fail(parts, [each], planned);
        else if (planned.planned) carriages.push({ plan: planned.plan, payments: [each] });
        else each.end({ kind: 'refused', rejection: planned.rejection });
      }
      if (carriages.length > 0) await sign(carriages);
    } catch (error) {
      fail(parts, payments, error);
    }
  }

  /** Something about the company is refused, which says nothing about any one of them. */
  async function carryHalves(payments: readonly ReadyPayment[]): Promise<void> {
    const middle = Math.ceil(payments.length / 2);
    await carry(payments.slice(0, middle));
    await carry(payments.slice(middle));
  }

  async function sign(carriages: readonly Carriage[]): Promise<void> {
    const payments = carriages.flatMap((each) => each.payments);
    const lane = parts.lane();
    if (lane === undefined) {
      queue.putBack(payments);
      return;
    }
    const signing = await parts.signAndStore(carriages, lane ?? undefined);
    if (signing.kind === 'stored') await parts.send(payments, signing.transactions);
    else if (signing.kind === 'lane_lost') loseLane(payments);
    else await carryWithout(payments, signing.unable);
  }

  /** Another lane of this process goes on with these, or another process. */
  function loseLane(payments: readonly ReadyPayment[]): void {
    queue.putBack(payments);
    parts.onLaneLost();
    log.warn({ network: chain.network, signer: parts.signer }, 'the lane went to another process');
  }

  async function carryWithout(
    payments: readonly ReadyPayment[],
    unable: ReadonlyMap<ReadyPayment, Unable>,
  ): Promise<void> {
    const able = payments.filter((each) => !unable.has(each));
    // A budget that does not suffice for all of a payTo may suffice for some.
    const apart = payments.length === 1 ? [] : payments.filter((each) => unable.get(each) === 'unsponsored');
    for (const [each, reason] of unable) if (!apart.includes(each)) each.end(endOf(reason));
    await (chain.ordered ? carry(able) : carryApart(able));
    for (const each of apart) await carry([each]);
  }
}

function fail({ chain, log }: CarryingParts, payments: readonly ReadyPayment[], error: unknown): void {
  log.warn({ err: error, network: chain.network, payments: payments.length }, 'settlement could not be signed');
  for (const each of payments) each.end({ kind: 'trouble', error });
}

function endOf(reason: Unable): Parameters<ReadyPayment['end']>[0] {
  switch (reason) {
    case 'lost':
      return { kind: 'lost' };
    case 'stale':
      return 'stale';
    case 'unsponsored':
      return { kind: 'refused', rejection: unsponsored };
  }
}

const unsponsored: Rejection = {
  reason: 'unexpected_settle_error',
  detail: "The day's budget for network fees of payments to this payTo is spent; try again tomorrow",
};
