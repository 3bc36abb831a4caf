import type { Clock, FaultFacts, Network } from '@tollkeeper/protocol';
import type { ContractCall, EvmNode } from '../rpc/evm-node.js';
import { RpcError } from '../rpc/rpc-error.js';

/** Whether the network charges gas for what the code does and for calldata, and for nothing else. */
export interface GasModel {
  /**
   * Whether a gas limit that was computed from a measurement holds here. Asked of the node for one call now and then; a call that
   * does not execute says nothing.
   * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
   */
  isUsual(call: ContractCall, gasLimit: bigint): Promise<boolean>;
}

/** Some rollups charge for the data in gas, by a price that moves over hours. */
const ttlMs = 10 * 60 * 1000;

export function createGasModel(parts: {
  readonly network: Network;
  readonly node: EvmNode;
  readonly clock: Clock;
  readonly onWarning: (message: string, facts?: FaultFacts) => void;
}): GasModel {
  const { network, node, clock, onWarning } = parts;
  let latest: { readonly isUsual: Promise<boolean | undefined>; readonly untilMs: number } | undefined;
  let isWarned = false;

  async function compare(call: ContractCall, gasLimit: bigint): Promise<boolean | undefined> {
    try {
      const isUsual = (await node.estimateGas(call)) <= gasLimit;
      const detail = 'The network charges more gas than the simulation uses; gas is estimated for each payment alone';
      if (!isUsual && !isWarned) onWarning(detail, { network });
      isWarned = !isUsual;
      return isUsual;
    } catch (error) {
      if (error instanceof RpcError) return undefined;
      throw error;
    }
  }

  return {
    async isUsual(call, gasLimit) {
      const nowMs = clock.now().getTime();
      if (latest === undefined || nowMs >= latest.untilMs) {
        latest = { isUsual: compare(call, gasLimit), untilMs: nowMs + ttlMs };
      }
      const asked = latest;
      const forget = () => {
        if (latest === asked) latest = undefined;
      };
      const isUsual = await asked.isUsual.catch((error: unknown) => {
        forget();
        throw error;
      });
      if (isUsual === undefined) forget();
      return isUsual ?? true;
    },
  };
}
