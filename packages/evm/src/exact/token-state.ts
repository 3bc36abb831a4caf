import { createBatcher } from '@tollkeeper/protocol';
import { AbiCoder } from 'ethers/abi';
import { readTogether } from '../read-together.js';
import type { EvmNode } from '../rpc/evm-node.js';
import type { Transfer } from './checks.js';
import { tokenInterface } from './token-calls.js';

/** What the token says of itself and of the payer; a field is undefined where the token did not answer. */
export interface TokenState {
  readonly balance: bigint | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly isUsed: boolean | undefined;
}

/** @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer. */
export type ReadTokenState = (transfer: Transfer) => Promise<TokenState>;

/** Transfers that one call is about; each of them is two questions. */
const transfersPerCall = 64;

/** Reads the states that concurrent callers ask for in shared calls, of one token each: a token that burns gas spoils no other. */
export function createTokenStates({ node }: { readonly node: EvmNode }): ReadTokenState {
  const byToken = new Map<string, ReadTokenState>();

  return (transfer) => {
    const { token } = transfer.terms;
    const run = (transfers: readonly Transfer[]) => readStates(node, token, transfers);
    const read = byToken.get(token) ?? createBatcher({ run, maximumItems: transfersPerCall, purpose: 'read' });
    byToken.set(token, read);
    return read(transfer);
  };
}

async function readStates(
  node: EvmNode,
  token: string,
  transfers: readonly Transfer[],
): Promise<readonly TokenState[]> {
  const questions = [
    tokenInterface.encodeFunctionData('name'),
    tokenInterface.encodeFunctionData('version'),
    ...transfers.flatMap(({ authorization: { from, nonce } }) => [
      tokenInterface.encodeFunctionData('balanceOf', [from]),
      tokenInterface.encodeFunctionData('authorizationState', [from, nonce]),
    ]),
  ];
  const calls = questions.map((data) => ({ to: token, data }));
  const [name, version, ...answers] = await readTogether(node, calls);
  return transfers.map((_, index) => ({
    balance: decoded(answers[2 * index], 'uint256', (value) => (typeof value === 'bigint' ? value : undefined)),
    name: decoded(name, 'string', (value) => (typeof value === 'string' ? value : undefined)),
    version: decoded(version, 'string', (value) => (typeof value === 'string' ? value : undefined)),
    isUsed: decoded(answers[2 * index + 1], 'bool', (value) => (typeof value === 'boolean' ? value : undefined)),
  }));
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
