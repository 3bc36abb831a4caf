import type { Rejection } from '@tollkeeper/protocol';
import type { TransactionSigner } from '../chain/transaction-signer.js';
import type { EvmNode } from '../rpc/evm-node.js';
import type { Transfer } from './checks.js';
import type { CodeLookup } from './code-lookup.js';
import { explainFailure } from './explain-failure.js';
import { transferCall } from './token-calls.js';

/**
 * The checks that read the chain; undefined when the transfer would move the money now.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function verifyTransfer(
  parts: { node: EvmNode; code: CodeLookup; signer: TransactionSigner; gasLimitMax: bigint },
  transfer: Transfer,
): Promise<Rejection | undefined> {
  const call = transferCall(transfer, { from: parts.signer.address, gas: parts.gasLimitMax });
  const [payerHasCode, isContract, failure] = await Promise.all([
    parts.code.hasPayerCode(transfer.authorization.from),
    parts.code.isContract(transfer.terms.token),
    failureOf(parts.node.call(call)),
  ]);
  if (payerHasCode) {
    const detail = 'The payer is a smart contract or delegates to one (EIP-7702), which is not supported yet';
    return { reason: 'invalid_exact_evm_signature', detail };
  }
  if (!isContract) {
    return { reason: 'asset_not_deployed_contract', detail: 'There is no contract at requirements.asset' };
  }
  return failure === undefined ? undefined : explainFailure(parts, transfer, failure.error);
}

async function failureOf(simulation: Promise<string>): Promise<{ error: unknown } | undefined> {
  try {
    await simulation;
    return undefined;
  } catch (error) {
    return { error };
  }
}
