import { bigintFromDecimal, type Database } from '@tollkeeper/database';
import type { PaymentReport } from '@tollkeeper/protocol';
import { paymentStateOf, type PaymentRow } from './payment-row.js';
import type { PaymentStore } from './payment-store.js';

/** Tells everything that is known about a payment, as it goes over the wire. */
export function createPaymentReport(parts: { readonly database: Database; readonly store: PaymentStore }) {
  return async function report(paymentId: string): Promise<PaymentReport | undefined> {
    const row = await parts.store.find(paymentId);
    if (row === undefined) return undefined;
    return { ...describe(row), attempts: await attemptsOf(paymentId), evidence: await evidenceOf(paymentId) };
  };

  async function attemptsOf(paymentId: string): Promise<PaymentReport['attempts']> {
    const sent = await parts.database.prisma.chainTransaction.findMany({
      where: { legs: { some: { paymentId } } },
      orderBy: { id: 'asc' },
    });
    return sent.map(({ transaction, signer, accountNonce, signedAt, feePaid }) => ({
      transaction,
      signer,
      accountNonce: accountNonce === null ? null : bigintFromDecimal(accountNonce).toString(),
      signedAt: signedAt.toISOString(),
      feePaid: feePaid === null ? null : bigintFromDecimal(feePaid).toString(),
    }));
  }

  async function evidenceOf(paymentId: string): Promise<PaymentReport['evidence']> {
    const effect = await parts.database.prisma.effect.findFirst({ where: { paymentId } });
    if (effect === null) return null;
    const { transaction, position, blockNumber, blockHash, journalId, finalAt, reversedAt } = effect;
    return {
      transaction,
      position,
      blockNumber: bigintFromDecimal(blockNumber).toString(),
      blockHash,
      credited: journalId !== null && reversedAt === null,
      finality: finalAt !== null ? 'final' : reversedAt !== null ? 'reversed' : 'confirmed',
      finalAt: finalAt?.toISOString() ?? null,
      reversedAt: reversedAt?.toISOString() ?? null,
    };
  }
}

function describe(row: PaymentRow): Omit<PaymentReport, 'attempts' | 'evidence'> {
  return {
    id: row.id,
    // A refused claim is gone the moment after its caller was told.
    state: row.state === 'refused' ? 'claimed' : row.state,
    paymentState: paymentStateOf(row),
    scheme: row.scheme,
    network: row.network,
    asset: row.token,
    amount: row.amount.toString(),
    payer: row.payer,
    payTo: row.payTo,
    transaction: row.transaction,
    failure: row.failureReason === null ? null : { reason: row.failureReason, detail: row.failureDetail },
    claimedAt: row.claimedAt.toISOString(),
    submittedAt: row.submittedAt?.toISOString() ?? null,
    concludedAt: row.concludedAt?.toISOString() ?? null,
    answerDeliveredAt: row.deliveredAt?.toISOString() ?? null,
  };
}
