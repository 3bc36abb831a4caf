import type { Rejection } from '@tollkeeper/protocol';
import { AbiCoder, Interface } from 'ethers';
import type { EvmNode } from '../rpc/evm-node.js';
import { RpcError } from '../rpc/rpc-error.js';
import type { Transfer } from './checks.js';
import { tokenInterface } from './token-calls.js';

/** Multicall3 has this address on every chain that has it at all. */
const multicallAddress = '0xcA11bde05977b3631167028862bE2a173976CA11';
const multicallInterface = new Interface([
  'function aggregate3((address target, bool allowFailure, bytes callData)[] calls) payable returns ((bool success, bytes returnData)[])',
]);

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
  const [balance, name, version, isUsed] =
    (await askTogether(node, terms.token, questions)) ?? (await askOneByOne(node, terms.token, questions));
  return {
    balance: decoded(balance, 'uint256', (value) => (typeof value === 'bigint' ? value : undefined)),
    name: decoded(name, 'string', (value) => (typeof value === 'string' ? value : undefined)),
    version: decoded(version, 'string', (value) => (typeof value === 'string' ? value : undefined)),
    isUsed: decoded(isUsed, 'bool', (value) => (typeof value === 'boolean' ? value : undefined)),
  };
}

/** All questions in one call; undefined on a chain without Multicall3. */
async function askTogether(
  node: EvmNode,
  token: string,
  questions: readonly string[],
): Promise<readonly (string | undefined)[] | undefined> {
  const calls = questions.map((callData) => ({ target: token, allowFailure: true, callData }));
  const data = multicallInterface.encodeFunctionData('aggregate3', [calls]);
  try {
    const answer = await node.call({ to: multicallAddress, data });
    const results: unknown = multicallInterface.decodeFunctionResult('aggregate3', answer)[0];
    return readResults(results);
  } catch (error) {
    // An address without code answers with nothing, which does not decode; a chain's own contract there may revert.
    if (error instanceof RpcError || isDecodingError(error)) return undefined;
    throw error;
  }
}

function readResults(results: unknown): readonly (string | undefined)[] {
  const pairs = results as readonly (readonly [boolean, string])[];
  return pairs.map(([success, returnData]) => (success ? returnData : undefined));
}

function isDecodingError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'BAD_DATA';
}

async function askOneByOne(
  node: EvmNode,
  token: string,
  questions: readonly string[],
): Promise<readonly (string | undefined)[]> {
  return Promise.all(
    questions.map(async (data) => {
      try {
        return await node.call({ to: token, data });
      } catch (error) {
        if (error instanceof RpcError) return undefined;
        throw error;
      }
    }),
  );
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
