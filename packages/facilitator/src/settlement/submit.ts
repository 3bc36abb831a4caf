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
import { amountInFlight, storeSigned, type TransactionInFlight } from './chain-transactions.js';
import type { CheckpointHook } from './checkpoint.js';
import { allocateAccountNonce } from './lanes.js';
import type { PaymentStore } from './payment-store.js';
import type { Serial } from './serial.js';

export type Submission =
  | { readonly kind: 'submitted'; readonly sent: TransactionInFlight }
  /** The chain's state does not allow it; nothing was signed and the claim is released. */
  | { readonly kind: 'refused'; readonly rejection: Rejection }
  /** Another process took the claim over; nothing was signed here. */
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
  readonly log: Logger;
}) {
  const { database, store, chain, checkpoint, log } = parts;

  return async function submit(paymentId: string, payment: AcceptablePayment): Promise<Submission> {
    try {
      const submission = await attempt(paymentId, payment);
      if (submission.kind === 'refused') await store.release(paymentId);
      return submission;
    } catch (error) {
      // Nothing was signed, or the commit's answer was lost: the release deletes a claim only if it signed nothing.
      await store.release(paymentId).catch(() => undefined);
      throw error;
    }
  };

  async function attempt(paymentId: string, payment: AcceptablePayment): Promise<Submission> {
    const verdict = await payment.verify();
    if (!verdict.valid) return { kind: 'refused', rejection: verdict.rejection };
    return parts.lane(() => send(paymentId, verdict.payment));
  }

  async function send(paymentId: string, payment: VerifiedPayment): Promise<Submission> {
    const overspent = await findOverspending(payment.authorization);
    if (overspent !== undefined) return { kind: 'refused', rejection: overspent };
    const planned = await payment.plan();
    if (!planned.planned) return { kind: 'refused', rejection: planned.rejection };
    const sent = await signAndStore(paymentId, { plan: planned.plan, authorization: payment.authorization });
    if (sent === undefined) return { kind: 'lost' };
    checkpoint('stored');
    await broadcast(sent);
    checkpoint('broadcast');
    return { kind: 'submitted', sent };
  }

  /** Each of a payer's authorizations holds alone; together they may spend one balance twice, and we would pay for it. */
  async function findOverspending(authorization: Authorization): Promise<Rejection | undefined> {
    const { asset, payer, amount } = authorization;
    const committed = await amountInFlight(database, { ...asset, payer });
    if (committed === 0n) return undefined;
    const balance = await chain.tokenBalance({ asset, owner: payer });
    if (balance >= committed + amount) return undefined;
    return {
      reason: asset.network.startsWith('eip155:')
        ? 'invalid_exact_evm_insufficient_balance'
        : 'invalid_exact_svm_transaction_simulation_failed',
      detail: 'The payer has other payments in flight, and the balance does not cover this one too',
    };
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

  async function broadcast(sent: TransactionInFlight): Promise<void> {
    const fields = { paymentId: sent.paymentId, network: chain.network, transaction: sent.id };
    const result = await chain.broadcast(sent);
    if (result.accepted) log.info(fields, 'settlement broadcast');
    else log.warn({ ...fields, detail: result.detail }, 'broadcast not confirmed by the node');
  }
}
