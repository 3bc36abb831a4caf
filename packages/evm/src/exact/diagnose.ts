import type { Rejection } from '@tollkeeper/protocol';
import { AbiCoder } from 'ethers/abi';
import { readTogether } from '../read-together.js';
import type { EvmNode } from '../rpc/evm-node.js';
import type { Transfer } from './checks.js';
import { tokenInterface } from './token-calls.js';

/** What the token says of itself and of the payer; a field is undefined where the token did not answer. */
interface TokenState {
  readonly balance: bigint | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly isUsed: boolean | undefined;
}

/**
 * Finds out why a transfer does not execute, in the reference's order (diagnoseEip3009SimulationFailure in @x402/evm 2.27.0);
 * undefined when nothing that the token tells explains it.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function diagnose(node: EvmNode, transfer: Transfer): Promise<Rejection | undefined> {
  const state = await readTokenState(node, transfer);
  const { domain, amount } = transfer.terms;
  if (state.isUsed === undefined) {
    return { reason: 'invalid_exact_evm_eip3009_not_supported', detail: 'The token does not support EIP-3009' };
  }
  if (state.isUsed) {
    return { reason: 'invalid_exact_evm_nonce_already_used', detail: 'The authorization is used or canceled' };
  }
  if (state.name !== undefined && state.name !== domain.name) {
    const detail = "requirements.extra.name is not the token's name";
    return { reason: 'invalid_exact_evm_token_name_mismatch', detail };
  }
  if (state.version !== undefined && state.version !== domain.version) {
    const detail = "requirements.extra.version is not the token's version";
    return { reason: 'invalid_exact_evm_token_version_mismatch', detail };
  }
  if (state.balance !== undefined && state.balance < amount) {
    const detail = `The payer holds ${state.balance}, less than ${amount}`;
    return { reason: 'invalid_exact_evm_insufficient_balance', detail };
  }
  return undefined;
}

async function readTokenState(node: EvmNode, { terms, authorization }: Transfer): Promise<TokenState> {
  const questions = [
    tokenInterface.encodeFunctionData('balanceOf', [authorization.from]),
    tokenInterface.encodeFunctionData('name'),
    tokenInterface.encodeFunctionData('version'),
    tokenInterface.encodeFunctionData('authorizationState', [authorization.from, authorization.nonce]),
  ];
  const calls = questions.map((data) => ({ to: terms.token, data }));
  const [balance, name, version, isUsed] = await readTogether(node, calls);
  return {
    balance: decoded(balance, 'uint256', (value) => (typeof value === 'bigint' ? value : undefined)),
    name: decoded(name, 'string', (value) => (typeof value === 'string' ? value : undefined)),
    version: decoded(version, 'string', (value) => (typeof value === 'string' ? value : undefined)),
    isUsed: decoded(isUsed, 'bool', (value) => (typeof value === 'boolean' ? value : undefined)),
  };
}

/** A token may answer with anything; what does not decode counts as no answer. */
function decoded<Value>(
  data: string | undefined,
  type: string,
  read: (value: unknown) => Value | undefined,
): Value | undefined {
  if (data === undefined) return undefined;
  try {
    return read(AbiCoder.defaultAbiCoder().decode([type], data)[0]);
  } catch {
    return undefined;
  }
}
