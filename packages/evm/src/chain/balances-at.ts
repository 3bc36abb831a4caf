import { amount, Fault, type FinalizedBalance, type Network, type TokenHolder } from '@tollkeeper/protocol';
import { tokenInterface } from '../exact/token-calls.js';
import type { EvmNode } from '../rpc/evm-node.js';
import { RpcError } from '../rpc/rpc-error.js';
import {
  balanceProgram,
  balanceProgramGas,
  type BalanceQuestion,
  maximumQuestions,
  readBalanceAnswer,
} from '../simulation/balance-program.js';

/** Requests to one node at a time, where it does not run the program. */
const parallelRequests = 16;

interface BalanceParts {
  readonly network: Network;
  readonly node: EvmNode;
  readonly signers: readonly string[];
  readonly finalityDepth: number;
}

/** What each holder has as of the newest final block: one `eth_call` for two hundred of them. */
export async function readBalancesAtFinalized(
  parts: BalanceParts,
  holders: readonly TokenHolder[],
): Promise<readonly FinalizedBalance[]> {
  if (holders.length === 0) return [];
  const blockNumber = await finalizedNumber(parts);
  const questions = holders.map(({ asset, owner }) => ({ token: asset.token, owner }));
  const balances: (bigint | undefined)[] = [];
  for (let start = 0; start < questions.length; start += maximumQuestions) {
    balances.push(...(await readTogether(parts, questions.slice(start, start + maximumQuestions), blockNumber)));
  }
  return balances.map((balance) => ({
    balance: balance === undefined ? undefined : amount(balance),
    blockNumber,
  }));
}

async function finalizedNumber({ network, node, finalityDepth }: BalanceParts): Promise<bigint> {
  const finalized = await node.finalizedBlock();
  const number = finalized?.number ?? (await node.blockNumber()) - BigInt(finalityDepth);
  if (number >= 0n) return number;
  throw new Fault('CHAIN_RPC_UNAVAILABLE', { network, trouble: 'no block is final yet' });
}

async function readTogether(
  parts: BalanceParts,
  questions: readonly BalanceQuestion[],
  blockNumber: bigint,
): Promise<readonly (bigint | undefined)[]> {
  const { node, signers } = parts;
  const from = signers[0] ?? '0x0000000000000000000000000000000000000000';
  const run = { from, code: balanceProgram(questions), gas: balanceProgramGas };
  const answer = await node.runCode(run, blockNumber).catch((error: unknown) => {
    if (error instanceof RpcError) return '0x';
    throw error;
  });
  return readBalanceAnswer(answer, questions.length) ?? readApart(node, questions, blockNumber);
}

/** For a node that does not run the program. */
async function readApart(
  node: EvmNode,
  questions: readonly BalanceQuestion[],
  blockNumber: bigint,
): Promise<readonly (bigint | undefined)[]> {
  const balances: (bigint | undefined)[] = [];
  for (let start = 0; start < questions.length; start += parallelRequests) {
    const some = questions.slice(start, start + parallelRequests);
    balances.push(...(await Promise.all(some.map((question) => readOne(node, question, blockNumber)))));
  }
  return balances;
}

/** Undefined where the call fails or answers nothing, which a token that does not exist yet does too. */
async function readOne(
  node: EvmNode,
  { token, owner }: BalanceQuestion,
  blockNumber: bigint,
): Promise<bigint | undefined> {
  const data = tokenInterface.encodeFunctionData('balanceOf', [owner]);
  const answer = await node.call({ to: token, data }, blockNumber).catch((error: unknown) => {
    if (error instanceof RpcError) return '0x';
    throw error;
  });
  return answer.length === 66 ? BigInt(answer) : undefined;
}
