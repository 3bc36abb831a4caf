import type { PlanResult } from '@tollkeeper/protocol';
import type { SharedTransactions } from '../chain/shared-transactions.js';
import { planTransaction } from '../chain/transaction-plan.js';
import type { TransactionSigner } from '../chain/transaction-signer.js';
import { gasAlone, loneGasLimit, roomOf, sharedGasLimit, sharedPayments, sharedRoom } from '../gas/gas-limit.js';
import { encodeAggregate3, multicall3Address } from '../multicall3.js';
import { feeTooHigh, type PlanningParts, refused } from './plan-transfer.js';
import type { ProvenTransfer } from './verify-transfer.js';

/** The gas that a payment takes of a shared transaction; undefined where it was not measured, so that it must travel alone. */
export function roomOfTransfer({ call, gasUsed }: ProvenTransfer): bigint | undefined {
  return gasUsed === undefined ? undefined : roomOf(call.data, gasUsed);
}

/**
 * Prepares one transaction that moves the money of several payments through Multicall3, each of which may fail alone.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function planTogether(
  parts: PlanningParts & { readonly shared: SharedTransactions },
  payments: readonly [ProvenTransfer, ...(readonly ProvenTransfer[])],
  signer: TransactionSigner,
): Promise<PlanResult> {
  const rooms = payments.map(roomOfTransfer).filter((room) => room !== undefined);
  if (rooms.length < payments.length || payments.length > sharedPayments) return mustTravelAlone(misfit);
  const [first] = payments;
  if (!(await canShare(parts, first, signer.address))) return mustTravelAlone('Payments share no transaction here');
  const fee = await parts.quoteFee();
  if (fee === undefined) return refused(feeTooHigh);
  const total = rooms.reduce((sum, room) => sum + room, 0n);
  if (total > sharedRoom(parts.blockGas.limit())) return mustTravelAlone(misfit);
  const data = encodeAggregate3(payments.map(({ call }) => call));
  const { chainId } = first.transfer.terms.domain;
  const gasLimit = sharedGasLimit(data, rooms);
  return { planned: true, plan: planTransaction(signer, { chainId, to: multicall3Address, data, gasLimit, fee }) };
}

/** The contract is there, and what was measured tells what the network charges: one payment stands for all. */
async function canShare(
  { shared, gasModel, gasLimitMax }: PlanningParts & { readonly shared: SharedTransactions },
  { call, gasUsed }: ProvenTransfer,
  from: string,
): Promise<boolean> {
  const limit = loneGasLimit(gasAlone(call.data, gasUsed ?? 0n), gasLimitMax);
  const [isPossible, isUsual] = await Promise.all([
    shared.arePossible(),
    gasModel.isUsual({ ...call, from, gas: gasLimitMax }, limit),
  ]);
  return isPossible && isUsual;
}

const misfit = 'These payments do not fit into one transaction';

function mustTravelAlone(detail: string): PlanResult {
  return refused({ reason: 'unexpected_settle_error', detail });
}
