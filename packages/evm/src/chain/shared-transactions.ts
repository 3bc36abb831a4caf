import type { Chain, Clock } from '@tollkeeper/protocol';
import type { BlockGas } from '../gas/block-gas.js';
import { sharedPayments, sharedRoom } from '../gas/gas-limit.js';
import { multicall3Address } from '../multicall3.js';
import type { EvmNode } from '../rpc/evm-node.js';

/** Whether payments can share a transaction on this network. */
export interface SharedTransactions {
  /** What is known of it now; undefined after the contract that it takes was missed. */
  limits(): Chain['sharing'];
  /**
   * Looks for the contract, if that was not done lately.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
   */
  arePossible(): Promise<boolean>;
}

/** A contract that is there stays there; one that is not may be deployed. */
const missingTtlMs = 15 * 60 * 1000;

export function createSharedTransactions(parts: {
  node: EvmNode;
  clock: Clock;
  blockGas: BlockGas;
}): SharedTransactions {
  const { node, clock, blockGas } = parts;
  let isThere = false;
  let missingUntilMs = 0;
  const isMissed = () => !isThere && clock.now().getTime() < missingUntilMs;

  return {
    limits: () =>
      isMissed() ? undefined : { maximumPayments: sharedPayments, maximumRoom: sharedRoom(blockGas.limit()) },
    async arePossible() {
      if (isThere || isMissed()) return isThere;
      isThere = await node.hasCode(multicall3Address);
      if (!isThere) missingUntilMs = clock.now().getTime() + missingTtlMs;
      return isThere;
    },
  };
}
