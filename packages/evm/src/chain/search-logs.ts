import { Fault, type Network } from '@tollkeeper/protocol';
import type { FoundLog, LogFilter } from '../rpc/evidence-methods.js';
import type { EvmNode } from '../rpc/evm-node.js';
import { RpcError, shortText } from '../rpc/rpc-error.js';

export type LogSearch = (node: EvmNode, filter: LogFilter) => Promise<readonly FoundLog[]>;

/** Blocks in one request, as long as the node takes that many. */
const maximumSpan = 2_000n;

/**
 * Searches a range of blocks, in as many requests as the node makes necessary: nodes differ by a factor of a thousand in how many
 * blocks they search at once, and say so in words of their own. So a range that is refused is halved, whatever the words.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer, or refuses a single block.
 */
export function createLogSearch({ network }: { readonly network: Network }): LogSearch {
  let span = maximumSpan;

  return async (node, filter) => {
    const found: FoundLog[] = [];
    // A node that was short of breath may have recovered.
    span = smaller(span * 2n, maximumSpan);
    for (let fromBlock = filter.fromBlock; fromBlock <= filter.toBlock;) {
      const toBlock = smaller(fromBlock + span - 1n, filter.toBlock);
      try {
        found.push(...(await node.logs({ ...filter, fromBlock, toBlock })));
        fromBlock = toBlock + 1n;
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        if (fromBlock === toBlock) {
          throw new Fault('CHAIN_RPC_UNAVAILABLE', { network, method: 'eth_getLogs', trouble: shortText(error) });
        }
        span = (toBlock - fromBlock + 1n) / 2n;
      }
    }
    return found;
  };
}

function smaller(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
