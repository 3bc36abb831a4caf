import { setTimeout as sleep } from 'node:timers/promises';
import type { Chain } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { ReadyPayment } from './ready-payment.js';
import type { SentTransaction } from './chain-transactions.js';
import type { CheckpointHook } from './checkpoint.js';

/** How long a transaction waits for the one before it to be sent. */
const sendingPatienceMs = 500;

export interface SendingParts {
  readonly chain: Chain;
  /** Follows what was sent until there is evidence. */
  readonly track: (sent: SentTransaction) => void;
  readonly onBatch: (payments: number) => void;
  readonly checkpoint: CheckpointHook;
  readonly log: Logger;
}

/** Sends what is stored, in the order of signing, while the next is being signed. */
export function createSending(parts: SendingParts) {
  const { chain, checkpoint, log } = parts;
  let sending: Promise<unknown> = Promise.resolve();
  const underWay = new Set<Promise<void>>();

  return {
    send,
    /** Resolves when everything was sent. */
    async idle(): Promise<void> {
      await Promise.all(underWay);
    },
  };

  /** Resolves when the next may be signed: what came before these was sent. */
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
}

/** A node takes transactions in any order, so one that hangs is not waited for. */
async function withPatience(before: Promise<unknown>): Promise<void> {
  await Promise.race([before, sleep(sendingPatienceMs, undefined, { ref: false })]);
}
