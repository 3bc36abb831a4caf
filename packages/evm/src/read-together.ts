import { Interface } from 'ethers/abi';
import { encodeAggregate3, type InnerCall, multicall3Address } from './multicall3.js';
import type { BlockTag, EvmNode } from './rpc/evm-node.js';
import { RpcError } from './rpc/rpc-error.js';

const multicallInterface = new Interface([
  'function aggregate3((address target, bool allowFailure, bytes callData)[] calls) payable returns ((bool success, bytes returnData)[])',
]);

/** Questions in one call to Multicall3. */
const maximumQuestions = 200;

/** Requests to one node at a time, on a chain without Multicall3. */
const parallelRequests = 16;

/**
 * Makes calls that only read, as of one block, together where the chain has Multicall3. Gives what each returned, in hex and in the
 * order given; undefined where it failed.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function readTogether(
  node: EvmNode,
  questions: readonly InnerCall[],
  tag: BlockTag = 'latest',
): Promise<readonly (string | undefined)[]> {
  const answers: (string | undefined)[] = [];
  for (let start = 0; start < questions.length; start += maximumQuestions) {
    const some = questions.slice(start, start + maximumQuestions);
    answers.push(...((await askTogether(node, some, tag)) ?? (await askOneByOne(node, some, tag))));
  }
  return answers;
}

/** All questions in one call; undefined on a chain without Multicall3. */
async function askTogether(
  node: EvmNode,
  questions: readonly InnerCall[],
  tag: BlockTag,
): Promise<readonly (string | undefined)[] | undefined> {
  try {
    const answer = await node.call({ to: multicall3Address, data: encodeAggregate3(questions) }, tag);
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
  questions: readonly InnerCall[],
  tag: BlockTag,
): Promise<readonly (string | undefined)[]> {
  const answers: (string | undefined)[] = [];
  for (let start = 0; start < questions.length; start += parallelRequests) {
    const some = questions.slice(start, start + parallelRequests);
    answers.push(...(await Promise.all(some.map((question) => askOne(node, question, tag)))));
  }
  return answers;
}

async function askOne(node: EvmNode, question: InnerCall, tag: BlockTag): Promise<string | undefined> {
  try {
    return await node.call(question, tag);
  } catch (error) {
    if (error instanceof RpcError) return undefined;
    throw error;
  }
}
