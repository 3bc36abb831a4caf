import type { PlanResult, Rejection } from '@tollkeeper/protocol';
import type { FeeQuoting } from '../chain/fee-quote.js';
import type { TransactionSigner } from '../chain/transaction-signer.js';
import type { EvmNode } from '../rpc/evm-node.js';
import type { Transfer } from './checks.js';
import { explainFailure } from './explain-failure.js';
import { transferCall } from './token-calls.js';

/** Adds a fifth to an estimate, because the state may change a little before the transaction is mined. */
const withMargin = (estimate: bigint) => (estimate * 6n) / 5n;

/**
 * Prepares the transaction that moves the money, up to its account nonce and signature.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function planTransfer(
  parts: { node: EvmNode; signer: TransactionSigner; quoteFee: FeeQuoting; gasLimitMax: bigint },
  transfer: Transfer,
): Promise<PlanResult> {
  const { node, signer, gasLimitMax } = parts;
  const call = transferCall(transfer, { from: signer.address, gas: gasLimitMax });
  const [gas, fee] = await Promise.all([settled(node.estimateGas(call)), parts.quoteFee()]);
  if ('error' in gas) return refused(await explainFailure(parts, transfer, gas.error));
  if (gas.value > gasLimitMax) {
    const detail = `The transfer needs ${gas.value} gas, more than the limit of ${gasLimitMax}`;
    return refused({ reason: 'invalid_exact_evm_transaction_simulation_failed', detail });
  }
  if (fee === undefined) {
    const detail = "The network's fee is above what this facilitator pays; try again later";
    return refused({ reason: 'unexpected_settle_error', detail });
  }
  const estimate = withMargin(gas.value);
  const transaction = {
    chainId: transfer.terms.domain.chainId,
    to: call.to,
    data: call.data,
    gasLimit: estimate < gasLimitMax ? estimate : gasLimitMax,
    fee,
  };
  return {
    planned: true,
    plan: {
      signer: signer.address,
      ordered: true,
      maximumFee: transaction.gasLimit * fee.maxFeePerGas,
      sign(accountNonce) {
        if (accountNonce === undefined) throw new TypeError('An EVM transaction is signed with an account nonce');
        return signer.sign(transaction, accountNonce);
      },
    },
  };
}

async function settled<Value>(promise: Promise<Value>): Promise<{ value: Value } | { error: unknown }> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

function refused(rejection: Rejection): PlanResult {
  return { planned: false, rejection };
}
