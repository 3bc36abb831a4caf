import { bigintFromDecimal, type Database } from '@tollkeeper/database';
import { paymentStateOf, type PaymentRow } from './payment-row.js';
import type { PaymentStore } from './payment-store.js';

/** Everything we know about one payment, amounts and fees as decimal strings of minor units. */
export interface PaymentReport {
  readonly id: string;
  readonly state: PaymentRow['state'];
  readonly paymentState: ReturnType<typeof paymentStateOf>;
  readonly scheme: string;
  readonly network: string;
  readonly asset: string;
  readonly amount: string;
  readonly payer: string;
  readonly payTo: string;
  readonly transaction: string | null;
  readonly failure: { readonly reason: string; readonly detail: string | null } | null;
  readonly claimedAt: Date;
  readonly submittedAt: Date | null;
  readonly concludedAt: Date | null;
  readonly answerDeliveredAt: Date | null;
  /** What we sent for it. */
  readonly attempts: readonly {
    readonly transaction: string;
    readonly signer: string;
    readonly accountNonce: string | null;
    readonly signedAt: Date;
    /** Wei or lamports, once it is in a block. */
    readonly feePaid: string | null;
  }[];
  /** The transfer on chain that proves it. */
  readonly evidence: {
    readonly transaction: string;
    readonly position: string;
    readonly blockNumber: string;
    readonly blockHash: string;
    /** Whether it was credited to a wallet in our custody. */
    readonly credited: boolean;
  } | null;
}

export function createPaymentReport(parts: { readonly database: Database; readonly store: PaymentStore }) {
  return async function report(paymentId: string): Promise<PaymentReport | undefined> {
    const row = await parts.store.find(paymentId);
    if (row === undefined) return undefined;
    return { ...describe(row), attempts: await attemptsOf(paymentId), evidence: await evidenceOf(paymentId) };
  };

  async function attemptsOf(paymentId: string): Promise<PaymentReport['attempts']> {
    const sent = await parts.database.prisma.chainTransaction.findMany({
      where: { paymentId },
      orderBy: { id: 'asc' },
    });
    return sent.map(({ transaction, signer, accountNonce, signedAt, feePaid }) => ({
      transaction,
      signer,
      accountNonce: accountNonce === null ? null : bigintFromDecimal(accountNonce).toString(),
      signedAt,
      feePaid: feePaid === null ? null : bigintFromDecimal(feePaid).toString(),
    }));
  }

  async function evidenceOf(paymentId: string): Promise<PaymentReport['evidence']> {
    const effect = await parts.database.prisma.effect.findFirst({ where: { paymentId } });
    if (effect === null) return null;
    const { transaction, position, blockNumber, blockHash, journalId } = effect;
    return {
      transaction,
      position,
      blockNumber: bigintFromDecimal(blockNumber).toString(),
      blockHash,
      credited: journalId !== null,
    };
  }
}

function describe(row: PaymentRow): Omit<PaymentReport, 'attempts' | 'evidence'> {
  return {
    id: row.id,
    state: row.state,
    paymentState: paymentStateOf(row),
    scheme: row.scheme,
    network: row.network,
    asset: row.token,
    amount: row.amount.toString(),
    payer: row.payer,
    payTo: row.payTo,
    transaction: row.transaction,
    failure: row.failureReason === null ? null : { reason: row.failureReason, detail: row.failureDetail },
    claimedAt: row.claimedAt,
    submittedAt: row.submittedAt,
    concludedAt: row.concludedAt,
    answerDeliveredAt: row.deliveredAt,
  };
}
