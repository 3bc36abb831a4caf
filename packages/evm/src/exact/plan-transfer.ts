import type { PlanResult, Rejection } from '@tollkeeper/protocol';
import type { FeeQuoting } from '../chain/fee-quote.js';
import { planTransaction } from '../chain/transaction-plan.js';
import type { TransactionSigner } from '../chain/transaction-signer.js';
import type { BlockGas } from '../gas/block-gas.js';
import { gasAlone, loneGasLimit } from '../gas/gas-limit.js';
import type { GasModel } from '../gas/gas-model.js';
import type { EvmNode } from '../rpc/evm-node.js';
import type { ReadTokenState } from './token-state.js';
import { tryOut } from './try-out.js';
import type { ProvenTransfer } from './verify-transfer.js';

export interface PlanningParts {
  readonly node: EvmNode;
  readonly readTokenState: ReadTokenState;
  readonly quoteFee: FeeQuoting;
  readonly blockGas: BlockGas;
  readonly gasModel: GasModel;
  readonly gasLimitMax: bigint;
}

/**
 * Prepares the transaction that moves the money of one payment, up to its account nonce and signature.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function planTransfer(
  parts: PlanningParts,
  proven: ProvenTransfer,
  signer: TransactionSigner,
): Promise<PlanResult> {
  const { gasLimitMax } = parts;
  const attempt = () => neededGas(parts, proven, signer.address);
  const [gas, fee] = await Promise.all([tryOut({ ...parts, attempt }, proven.transfer), parts.quoteFee()]);
  if (!gas.executes) return refused(gas.rejection);
  if (gas.value > gasLimitMax) {
    const detail = `The transfer needs ${gas.value} gas, more than the limit of ${gasLimitMax}`;
    return refused({ reason: 'invalid_exact_evm_transaction_simulation_failed', detail });
  }
  if (fee === undefined) return refused(feeTooHigh);
  const blockGasLimit = parts.blockGas.limit() ?? gasLimitMax;
  if (gas.value > blockGasLimit) {
    const detail = `The transfer needs ${gas.value} gas, more than a block of the network holds (${blockGasLimit})`;
    return refused({ reason: 'unexpected_settle_error', detail });
  }
  const gasLimit = loneGasLimit(gas.value, blockGasLimit < gasLimitMax ? blockGasLimit : gasLimitMax);
  const { chainId } = proven.transfer.terms.domain;
  return { planned: true, plan: planTransaction(signer, { chainId, ...proven.call, gasLimit, fee }) };
}

export const feeTooHigh: Rejection = {
  reason: 'unexpected_settle_error',
  detail: "The network's fee is above what this facilitator pays; try again later",
  isPassing: true,
};

/** As measured where that tells what the network charges, and as the node estimates it otherwise. */
async function neededGas(parts: PlanningParts, { call, gasUsed }: ProvenTransfer, from: string): Promise<bigint> {
  const { node, gasModel, gasLimitMax } = parts;
  const asked = { ...call, from, gas: gasLimitMax };
  if (gasUsed !== undefined) {
    const measured = gasAlone(call.data, gasUsed);
    if (await gasModel.isUsual(asked, loneGasLimit(measured, gasLimitMax))) return measured;
  }
  return node.estimateGas(asked);
}

export function refused(rejection: Rejection): PlanResult {
  return { planned: false, rejection };
}
