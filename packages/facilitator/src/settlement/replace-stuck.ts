import type { Database, Sql } from '@tollkeeper/database';
import type { Chain, Network, SignedTransaction } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { storeSigned, type SentTransaction } from './chain-transactions.js';
import { lockLane, type HeldLane } from './lanes.js';
import type { PlaceEvent } from './place-event.js';
import type { Sending } from './send-together.js';
import type { Sponsorship } from './sponsorship.js';

/**
 * Puts another transaction in the place of one that is stuck: the same call for more, or one that does nothing. It is stored then,
 * and sent by what is answered; undefined where there is none.
 */
export function createReplacing(parts: {
  readonly database: Database;
  readonly chain: Chain;
  readonly processId: string;
  readonly sponsorship: Sponsorship;
  readonly track: (sent: SentTransaction) => void;
  readonly onEvent: (event: PlaceEvent) => void;
  readonly log: Logger;
}) {
  const { database, chain, processId, log } = parts;
  const { network } = chain;

  return async function replace(
    lane: HeldLane,
    sent: SentTransaction,
    purpose: 'again' | 'cancel',
  ): Promise<Sending | undefined> {
    const fields = { network, signer: lane.signer, replaced: sent.id, purpose };
    const plan = await chain.replace(sent, purpose);
    if (plan === undefined) {
      parts.onEvent('fee_above_limit');
      log.warn(
        fields,
        'a stuck transaction is not outbid: the fee would be above the limit, what the signer has, or many times the price',
      );
      return undefined;
    }
    const signed = plan.sign(sent.accountNonce);
    const stored = await database.transaction(async (sql) => {
      if (!(await store(sql, { network, processId, lane, sent, signed, purpose }))) return false;
      await parts.sponsorship.chargeBid(sql, { sent, addedFee: plan.addedFee });
      return true;
    });
    if (!stored) return undefined;
    const replacement = { ...signed, network, legs: sent.legs };
    return async () => {
      const result = await chain.broadcast(replacement);
      parts.onEvent(purpose === 'cancel' ? 'cancelled' : 'fee_raised');
      const refusal = result.accepted ? {} : { detail: result.detail };
      log.warn({ ...fields, transaction: signed.id, ...refusal }, 'stuck transaction replaced');
      parts.track(replacement);
    };
  };
}

async function store(sql: Sql, { network, processId, lane, sent, signed, purpose }: Replacement): Promise<boolean> {
  if (!(await lockLane(sql, { ...lane, network, processId }))) return false;
  const [open] = await sql`
    SELECT id FROM chain_transaction
    WHERE network = ${network} AND transaction = ${sent.id} AND state = 'pending' FOR UPDATE`;
  if (open === undefined) return false;
  const paymentIds = sent.legs.map(({ paymentId }) => paymentId);
  await storeSigned(sql, {
    network,
    transactions: [
      {
        signed,
        paymentIds,
        replacement: { of: sent.id, purpose: purpose === 'cancel' ? 'cancellation' : 'settlement' },
      },
    ],
  });
  await sql`
    UPDATE payment SET transaction = ${signed.id} WHERE id = ANY(${paymentIds}::uuid[]) AND state = 'submitted'`;
  return true;
}

interface Replacement {
  readonly network: Network;
  readonly processId: string;
  readonly lane: HeldLane;
  readonly sent: SentTransaction;
  readonly signed: SignedTransaction;
  readonly purpose: 'again' | 'cancel';
}
