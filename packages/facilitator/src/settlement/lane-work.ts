import { setTimeout as sleep } from 'node:timers/promises';
import type { Authorization, Chain, Fault, Rejection } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { Carriage, ReadyPayment } from './carriage.js';
import type { SentTransaction } from './chain-transactions.js';
import type { CheckpointHook } from './checkpoint.js';
import type { HeldLane } from './lanes.js';
import type { ReadyQueue } from './ready-queue.js';
import type { Signing, Unable } from './sign-and-store.js';

/** Where the signers do not number their transactions, this many are signed and stored together. */
const unorderedAtOnce = 16;

/** How long a transaction waits for the one before it to be sent. */
const sendingPatienceMs = 500;

export interface LaneWork {
  /** Goes to work if there is any and nobody is at it already. */
  wake(): void;
  /** Resolves when the work under way is done. */
  idle(): Promise<void>;
}

export interface LaneWorkParts {
  readonly chain: Chain;
  readonly queue: ReadyQueue;
  /** The address that signs. */
  readonly signer: string;
  /** The lane as this process holds it now; undefined: it does not, and nothing may be signed. Null: no lane is needed. */
  readonly lane: () => HeldLane | undefined | null;
  readonly signAndStore: (carriages: readonly Carriage[], lane: HeldLane | undefined) => Promise<Signing>;
  /** Follows what was sent until there is evidence. */
  readonly track: (sent: SentTransaction) => void;
  /** Why a payment may not be signed now, by the operator's wish. */
  readonly pauseOf: (authorization: Authorization) => Fault | undefined;
  readonly onBatch: (payments: number) => void;
  /** The lane was found to have gone to another process. */
  readonly onLaneLost: () => void;
  readonly checkpoint: CheckpointHook;
  readonly log: Logger;
}

/**
 * Works one lane: plans what waits, signs and stores it, and only then sends it, in the order of the account nonces. The next
 * transaction is signed while the one before is being sent.
 */
export function createLaneWork(parts: LaneWorkParts): LaneWork {
  const { chain, queue, checkpoint, log } = parts;
  let running: Promise<void> | undefined;
  let sending: Promise<unknown> = Promise.resolve();
  const underWay = new Set<Promise<void>>();

  return {
    wake() {
      running ??= run();
    },
    async idle() {
      while (running !== undefined) await running;
      await Promise.all(underWay);
    },
  };

  async function run(): Promise<void> {
    // After everything that became ready in this turn of the event loop, so that it travels together.
    await new Promise(setImmediate);
    while (queue.size() > 0 && parts.lane() !== undefined) {
      if (chain.ordered) await carry(unpaused(queue.take()));
      else await carryApart(unpaused(takeSome()));
    }
    running = undefined;
  }

  /** Those that may be signed; the others are told why not. */
  function unpaused(payments: readonly ReadyPayment[]): readonly ReadyPayment[] {
    return payments.filter((each) => {
      const pause = parts.pauseOf(each.payment.authorization);
      if (pause !== undefined) each.end({ kind: 'trouble', error: pause });
      return pause === undefined;
    });
  }

  function takeSome(): readonly ReadyPayment[] {
    const some: ReadyPayment[] = [];
    while (some.length < unorderedAtOnce && queue.size() > 0) some.push(...queue.take());
    return some;
  }

  /** Brings these payments to their end, or back into the queue. Never throws. */
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
      fail(payments, error);
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
        if (planned instanceof Error) fail([each], planned);
        else if (planned.planned) carriages.push({ plan: planned.plan, payments: [each] });
        else each.end({ kind: 'refused', rejection: planned.rejection });
      }
      if (carriages.length > 0) await sign(carriages);
    } catch (error) {
      fail(payments, error);
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
    if (signing.kind === 'stored') await send(payments, signing.transactions);
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
    if (chain.ordered) await carry(able);
    else await carryApart(able);
    for (const each of apart) await carry([each]);
  }

  async function send(payments: readonly ReadyPayment[], transactions: readonly SentTransaction[]): Promise<void> {
    checkpoint('stored');
    const before = sending;
    const own = sendBehind(before, { payments, transactions });
    sending = own;
    underWay.add(own);
    void own.then(() => underWay.delete(own));
    await withPatience(before);
  }

  async function sendBehind(
    before: Promise<unknown>,
    { payments, transactions }: { payments: readonly ReadyPayment[]; transactions: readonly SentTransaction[] },
  ): Promise<void> {
    await withPatience(before);
    await Promise.all(transactions.map(broadcast));
    checkpoint('broadcast');
    const sentFor = new Map(transactions.flatMap((sent) => sent.legs.map((leg) => [leg.paymentId, sent] as const)));
    for (const each of payments) {
      const sent = sentFor.get(each.paymentId);
      if (sent !== undefined) each.end({ kind: 'submitted', sent });
    }
  }

  async function broadcast(sent: SentTransaction): Promise<void> {
    const fields = { network: chain.network, transaction: sent.id, payments: sent.legs.length };
    try {
      const result = await chain.broadcast(sent);
      if (result.accepted) log.info(fields, 'settlement broadcast');
      else log.warn({ ...fields, detail: result.detail }, 'broadcast not confirmed by the node');
    } catch (error) {
      // Stored bytes are sent again by whoever follows them.
      log.warn({ ...fields, err: error }, 'settlement could not be broadcast; it is tried again');
    }
    parts.onBatch(sent.legs.length);
    parts.track(sent);
  }

  function fail(payments: readonly ReadyPayment[], error: unknown): void {
    log.warn({ err: error, network: chain.network, payments: payments.length }, 'settlement could not be signed');
    for (const each of payments) each.end({ kind: 'trouble', error });
  }
}

/** A node takes transactions in any order, so one that hangs is not waited for. */
async function withPatience(before: Promise<unknown>): Promise<void> {
  await Promise.race([before, sleep(sendingPatienceMs, undefined, { ref: false })]);
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
