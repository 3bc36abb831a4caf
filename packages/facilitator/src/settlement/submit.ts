import type { Database } from '@tollkeeper/database';
import type {
  AcceptablePayment,
  Authorization,
  Chain,
  Rejection,
  TransactionPlan,
  VerifiedPayment,
} from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { findInFlight, storeSigned, type TransactionInFlight } from './chain-transactions.js';
import type { CheckpointHook } from './checkpoint.js';
import { findOverspending } from './find-overspending.js';
import type { LastingWrites } from './lasting-writes.js';
import { allocateAccountNonce } from './lanes.js';
import type { PaymentStore } from './payment-store.js';
import { createKeyedSerial, type Serial } from './serial.js';

export type Submission =
  | { readonly kind: 'submitted'; readonly sent: TransactionInFlight }
  /** The chain's state does not allow it; nothing was signed and the claim is released. */
  | { readonly kind: 'refused'; readonly rejection: Rejection }
  /** The claim is gone: its caller gave up, or its lease ran out. Nothing was signed here. */
  | { readonly kind: 'lost' };

/**
 * Takes a claimed payment to the chain: verify against its state, plan, then sign and store in one database transaction, and
 * only then broadcast. Whatever fails before the commit leaves nothing behind; whatever fails after it is finished from the
 * stored bytes.
 */
export function createSubmission(parts: {
  readonly database: Database;
  readonly store: PaymentStore;
  readonly chain: Chain;
  /** One transaction at a time on this network, so that what is in flight is known when the next one is signed. */
  readonly lane: Serial;
  readonly checkpoint: CheckpointHook;
  readonly writes: LastingWrites;
  readonly log: Logger;
}) {
  const { database, store, chain, checkpoint } = parts;
  /** One payment at a time of one payer's token, so that each is simulated after the one before it was signed. */
  const payers = createKeyedSerial();

  return async function submit(paymentId: string, payment: AcceptablePayment): Promise<Submission> {
    try {
      const { asset, payer } = payment.authorization;
      const submission = await payers(`${asset.token} ${payer}`, () => attempt(paymentId, payment));
      if (submission.kind === 'refused') await store.release(paymentId);
      return submission;
    } catch (error) {
      // Nothing was signed, or the commit's answer was lost: the release deletes a claim only if it signed nothing.
      await store.release(paymentId).catch(() => {
        // It would keep the payment from everybody until its lease ends.
        void parts.writes.write({
          paymentId,
          trouble: 'a claim was not released',
          run: () => store.release(paymentId),
        });
      });
      throw error;
    }
  };

  async function attempt(paymentId: string, payment: AcceptablePayment): Promise<Submission> {
    if (!(await store.isHeld(paymentId))) return { kind: 'lost' };
    const { asset, payer } = payment.authorization;
    // Before the simulation: what it does not see yet is among these, even if it reaches the chain a moment later.
    const earlier = await findInFlight(database, { ...asset, payer });
    const verdict = await payment.verify();
    if (!verdict.valid) return { kind: 'refused', rejection: verdict.rejection };
    return parts.lane(() => send(paymentId, verdict.payment, earlier));
  }

  async function send(
    paymentId: string,
    payment: VerifiedPayment,
    earlier: readonly TransactionInFlight[],
  ): Promise<Submission> {
    // Whoever waited for its turn in vain has gone with its claim; spending time on it would make the next ones wait in vain too.
    if (!(await store.isHeld(paymentId))) return { kind: 'lost' };
    const overspent = await findOverspending(chain, payment.authorization, earlier);
    if (overspent !== undefined) return { kind: 'refused', rejection: overspent };
    const [signer] = chain.signers;
    if (signer === undefined) throw new RangeError('A chain has a signer');
    const planned = await payment.plan({ signer, company: [] });
    if (!planned.planned) return { kind: 'refused', rejection: planned.rejection };
    const sent = await signAndStore(paymentId, { plan: planned.plan, authorization: payment.authorization });
    if (sent === undefined) return { kind: 'lost' };
    checkpoint('stored');
    await broadcast(parts, sent);
    checkpoint('broadcast');
    return { kind: 'submitted', sent };
  }

  async function signAndStore(
    paymentId: string,
    { plan, authorization }: { plan: TransactionPlan; authorization: Authorization },
  ): Promise<TransactionInFlight | undefined> {
    return database.transaction(async (sql) => {
      if (!(await store.lockForSigning(sql, paymentId))) return undefined;
      const lane = { network: chain.network, signer: plan.signer };
      const signed = plan.sign(plan.ordered ? await allocateAccountNonce(sql, lane) : undefined);
      checkpoint('signed');
      await storeSigned(sql, { ...signed, paymentId, network: chain.network });
      return { ...signed, paymentId, expected: authorization };
    });
  }
}

async function broadcast(
  { chain, log }: { readonly chain: Chain; readonly log: Logger },
  sent: TransactionInFlight,
): Promise<void> {
  const fields = { paymentId: sent.paymentId, network: chain.network, transaction: sent.id };
  const result = await chain.broadcast(sent);
  if (result.accepted) log.info(fields, 'settlement broadcast');
  else log.warn({ ...fields, detail: result.detail }, 'broadcast not confirmed by the node');
}
