import type { RpcProxyCall, RpcRule } from '@tollkeeper/sandbox';
import { commitmentLag, type Commitment } from './commitment.js';
import { transactionOf } from './sent-transaction.js';
import type { SvmSubject } from './svm-subject.js';

/** A node that hears of no new slot, and sees everything as of the last one that it has heard of. What it is sent, it passes on. */
export function laggingNode({ slots, payments }: Pick<SvmSubject, 'slots' | 'payments'>, last: number): RpcRule {
  const answers: Readonly<Record<string, (call: RpcProxyCall) => ReturnType<RpcRule>>> = {
    getBlockHeight: (call) => ({ kind: 'result', result: slots.heightOf(viewOf(call)) }),
    getEpochInfo: (call) => ({
      kind: 'result',
      result: { absoluteSlot: viewOf(call), blockHeight: slots.heightOf(viewOf(call)) },
    }),
    getSignatureStatuses: () => ({ kind: 'alter', change: statusesThen }),
    getTransaction: (call) => ({ kind: 'alter', change: (found) => transactionThen(found, viewOf(call)) }),
    simulateTransaction: simulationThen,
  };

  return (call) => answers[call.method]?.(call);

  /** The newest slot that this node has at the commitment that a call names. */
  function viewOf({ params }: Pick<RpcProxyCall, 'params'>): number {
    const options = (params as readonly unknown[]).at(-1) as { readonly commitment: Commitment };
    return last - commitmentLag[options.commitment];
  }

  function statusesThen(found: unknown): unknown {
    const { value } = found as { readonly value: readonly (Status | null)[] };
    return { context: { slot: last }, value: value.map((status) => statusThen(status)) };
  }

  function statusThen(status: Status | null): Status | null {
    if (status === null || status.slot > last) return null;
    const confirmationStatus = (['finalized', 'confirmed'] as const).find(
      (level) => status.slot <= last - commitmentLag[level],
    );
    return { ...status, confirmationStatus: confirmationStatus ?? 'processed' };
  }

  function transactionThen(found: unknown, view: number): unknown {
    return found === null || (found as Status).slot > view ? null : found;
  }

  /** It knows no blockhash of a slot that it has not heard of. */
  function simulationThen(call: RpcProxyCall): ReturnType<RpcRule> {
    const context = { slot: viewOf(call) };
    const { payerSignature } = transactionOf(call);
    if (payments.slotOf(payerSignature) > last) {
      payments.refusedByNode(payerSignature);
      return { kind: 'result', result: { context, value: { err: 'BlockhashNotFound', accounts: null } } };
    }
    return { kind: 'alter', change: (found) => ({ ...(found as object), context }) };
  }
}

interface Status {
  readonly slot: number;
  readonly confirmationStatus: Commitment;
}
