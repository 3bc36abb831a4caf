import type { Rejection } from '@tollkeeper/protocol';
import type { TransactionSigner } from '../chain/transaction-signer.js';
import type { ContractCall, EvmNode } from '../rpc/evm-node.js';
import type { TransferFinding } from '../simulation/simulation-program.js';
import type { TransferSimulation } from '../simulation/transfer-simulation.js';
import type { Transfer } from './checks.js';
import type { CodeLookup } from './code-lookup.js';
import { explainFailure } from './explain-failure.js';
import { transferCall } from './token-calls.js';

interface Parts {
  readonly node: EvmNode;
  readonly code: CodeLookup;
  readonly simulate: TransferSimulation;
  readonly signer: TransactionSigner;
  readonly gasLimitMax: bigint;
}

/**
 * The checks that read the chain; undefined when the transfer would move the money now. What the simulation in company finds
 * counts where it is good news or a fact about code. A failure there is never a verdict: the transfer is simulated alone.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function verifyTransfer(parts: Parts, transfer: Transfer): Promise<Rejection | undefined> {
  const call = transferCall(transfer, { from: parts.signer.address, gas: parts.gasLimitMax });
  const inCompany = await parts.simulate({ token: call.to, data: call.data });
  if (inCompany === undefined) return verifyAlone(parts, transfer, call);
  const wrongCode = codeTrouble(inCompany);
  if (wrongCode !== undefined || inCompany.executes) return wrongCode;
  const failure = await failureOf(parts.node.call(call));
  return failure === undefined ? undefined : explainFailure(parts, transfer, failure.error);
}

async function verifyAlone(parts: Parts, transfer: Transfer, call: ContractCall): Promise<Rejection | undefined> {
  const [payerHasCode, tokenHasCode, failure] = await Promise.all([
    parts.code.hasPayerCode(transfer.authorization.from),
    parts.code.isContract(transfer.terms.token),
    failureOf(parts.node.call(call)),
  ]);
  const wrongCode = codeTrouble({ payerHasCode, tokenHasCode });
  if (wrongCode !== undefined || failure === undefined) return wrongCode;
  return explainFailure(parts, transfer, failure.error);
}

function codeTrouble(found: Pick<TransferFinding, 'payerHasCode' | 'tokenHasCode'>): Rejection | undefined {
  if (found.payerHasCode) {
    const detail = 'The payer is a smart contract or delegates to one (EIP-7702), which is not supported yet';
    return { reason: 'invalid_exact_evm_signature', detail };
  }
  if (found.tokenHasCode) return undefined;
  return { reason: 'asset_not_deployed_contract', detail: 'There is no contract at requirements.asset' };
}

async function failureOf(simulation: Promise<string>): Promise<{ error: unknown } | undefined> {
  try {
    await simulation;
    return undefined;
  } catch (error) {
    return { error };
  }
}
