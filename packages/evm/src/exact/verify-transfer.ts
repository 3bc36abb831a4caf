import type { Rejection } from '@tollkeeper/protocol';
import type { Turns } from '../chain/turns.js';
import type { InnerCall } from '../multicall3.js';
import type { ContractCall, EvmNode } from '../rpc/evm-node.js';
import type { TransferFinding } from '../simulation/simulation-program.js';
import type { TransferSimulation } from '../simulation/transfer-simulation.js';
import type { Transfer } from './checks.js';
import type { CodeLookup } from './code-lookup.js';
import { diagnose, isHopeless } from './diagnose.js';
import { transferCall } from './token-calls.js';
import type { ReadTokenState } from './token-state.js';
import { tryOut, type Trial } from './try-out.js';

interface Parts {
  readonly node: EvmNode;
  readonly code: CodeLookup;
  readonly simulate: TransferSimulation;
  readonly readTokenState: ReadTokenState;
  /** Waits for its turn: what is judged alone costs calls of its own. */
  readonly inTurn: Turns;
  /** The account that the simulation sends from. */
  readonly sender: string;
  readonly gasLimitMax: bigint;
}

/** A transfer that would move the money now. Only {@link verifyTransfer} makes one. */
export interface ProvenTransfer {
  readonly transfer: Transfer;
  readonly call: InnerCall;
  /** The gas that the token's code uses at most; undefined where it was not measured. */
  readonly gasUsed: bigint | undefined;
  /** A block on whose state it was simulated; undefined where the node did not tell. */
  readonly block: bigint | undefined;
}

export type TransferProof =
  { readonly valid: true; readonly proven: ProvenTransfer } | { readonly valid: false; readonly rejection: Rejection };

/**
 * The checks that read the chain. What the simulation in company finds counts where it is good news or a fact about code. A
 * failure there is never a verdict: the token's state is read, and where that does not tell why, the transfer is simulated alone.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function verifyTransfer(parts: Parts, transfer: Transfer): Promise<TransferProof> {
  const { to, data } = transferCall(transfer);
  const call = { to, data, from: parts.sender, gas: parts.gasLimitMax };
  const inCompany = await parts.simulate({ token: to, data });
  const rejection = await judge(parts, { transfer, call, inCompany });
  if (rejection !== undefined) return { valid: false, rejection };
  const gasUsed = inCompany?.executes === true ? inCompany.gasUsed : undefined;
  return { valid: true, proven: { transfer, call: { to, data }, gasUsed, block: inCompany?.block } };
}

async function judge(
  parts: Parts,
  subject: { transfer: Transfer; call: ContractCall; inCompany: TransferFinding | undefined },
): Promise<Rejection | undefined> {
  const { transfer, call, inCompany } = subject;
  if (inCompany === undefined) return parts.inTurn(() => judgeAlone(parts, transfer, call));
  const wrongCode = codeTrouble(inCompany);
  if (wrongCode !== undefined || inCompany.executes) return wrongCode;
  // Anybody may present authorizations of empty accounts, in any number.
  const state = await parts.readTokenState(transfer);
  const rejection = isHopeless(state, transfer) ? diagnose(state, transfer) : undefined;
  if (rejection !== undefined) return rejection;
  const attempt = () => parts.node.call(call);
  return rejectionOf(await parts.inTurn(() => tryOut({ ...parts, attempt }, transfer)));
}

async function judgeAlone(parts: Parts, transfer: Transfer, call: ContractCall): Promise<Rejection | undefined> {
  const asked = parts.node.call(call);
  // Together with the code, which says more when it is wrong.
  asked.catch(() => undefined);
  const [payerHasCode, tokenHasCode] = await Promise.all([
    parts.code.hasPayerCode(transfer.authorization.from),
    parts.code.isContract(transfer.terms.token),
  ]);
  const wrongCode = codeTrouble({ payerHasCode, tokenHasCode });
  if (wrongCode !== undefined) return wrongCode;
  const answers = [asked];
  return rejectionOf(await tryOut({ ...parts, attempt: () => answers.pop() ?? parts.node.call(call) }, transfer));
}

function rejectionOf(trial: Trial<unknown>): Rejection | undefined {
  return trial.executes ? undefined : trial.rejection;
}

function codeTrouble(found: Pick<TransferFinding, 'payerHasCode' | 'tokenHasCode'>): Rejection | undefined {
  if (found.payerHasCode) {
    const detail = 'The payer is a smart contract or delegates to one (EIP-7702), which is not supported yet';
    return { reason: 'invalid_exact_evm_signature', detail };
  }
  if (found.tokenHasCode) return undefined;
  return { reason: 'asset_not_deployed_contract', detail: 'There is no contract at requirements.asset' };
}
