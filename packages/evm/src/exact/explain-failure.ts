import type { Rejection } from '@tollkeeper/protocol';
import type { EvmNode } from '../rpc/evm-node.js';
import { revertReason, RpcError } from '../rpc/rpc-error.js';
import type { Transfer } from './checks.js';
import { diagnose } from './diagnose.js';

/**
 * The verdict on a transfer that failed to execute.
 * @throws the error itself when it is the node's trouble and says nothing about the transfer.
 */
export async function explainFailure(
  parts: { node: EvmNode; gasLimitMax: bigint },
  transfer: Transfer,
  error: unknown,
): Promise<Rejection> {
  if (!(error instanceof RpcError)) throw error;
  const known = await diagnose(parts.node, transfer);
  if (known !== undefined) return known;
  const reason = revertReason(error);
  const detail = `The transfer does not execute within ${parts.gasLimitMax} gas${reason === undefined ? '' : `: ${reason}`}`;
  return { reason: 'invalid_exact_evm_transaction_simulation_failed', detail };
}
