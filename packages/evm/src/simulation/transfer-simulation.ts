import { type Clock, createBatcher, type FaultFacts, type Network } from '@tollkeeper/protocol';
import type { EvmNode } from '../rpc/evm-node.js';
import { RpcError, shortText } from '../rpc/rpc-error.js';
import {
  executionGas,
  maximumTransfers,
  programGas,
  readFindings,
  type SimulatedTransfer,
  simulationProgram,
  type TransferFinding,
} from './simulation-program.js';

/**
 * Simulates a transfer together with those of concurrent callers. Undefined when nothing was found out: it must be simulated
 * alone then.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export type TransferSimulation = (transfer: SimulatedTransfer) => Promise<TransferFinding | undefined>;

export interface TransferSimulationParts {
  readonly network: Network;
  readonly node: EvmNode;
  readonly clock: Clock;
  /** The account that would send the transfers. */
  readonly from: string;
  /** Gas that the transaction of one transfer may use. */
  readonly gasLimitMax: bigint;
  readonly onWarning: (message: string, facts?: FaultFacts) => void;
}

/** How long a node that would not run the program is left alone with it. */
const pauseMs = 30_000;

export function createTransferSimulation(parts: TransferSimulationParts): TransferSimulation {
  const { network, node, clock, from, gasLimitMax } = parts;
  const gasEach = executionGas(gasLimitMax);
  const nowMs = () => clock.now().getTime();
  let pausedUntilMs = 0;
  let isRefusing = false;

  async function run(transfers: readonly SimulatedTransfer[]): Promise<readonly (TransferFinding | undefined)[]> {
    const nothing = transfers.map(() => undefined);
    if (nowMs() < pausedUntilMs) return nothing;
    const first = await attempt(transfers);
    if (first.findings === undefined) await requireSimulation(transfers);
    // A node that stumbled once is no reason to verify and send every payment of the next while alone.
    const { findings, trouble } = first.findings === undefined ? await attempt(transfers) : first;
    if (findings !== undefined) {
      isRefusing = false;
      return findings;
    }
    pausedUntilMs = nowMs() + pauseMs;
    if (!isRefusing)
      parts.onWarning('The node does not simulate payments together; each costs calls of its own', {
        network,
        trouble,
      });
    isRefusing = true;
    return nothing;
  }

  async function attempt(transfers: readonly SimulatedTransfer[]) {
    try {
      const code = simulationProgram(transfers, gasEach);
      const answer = await node.runCode({ from, code, gas: programGas(transfers.length, gasEach) });
      return { findings: readFindings(answer, transfers.length), trouble: 'unreadable findings' };
    } catch (error) {
      if (error instanceof RpcError) return { findings: undefined, trouble: shortText(error) };
      throw error;
    }
  }

  /** A node that refuses plain calls too is in trouble: more calls, one for each transfer, would not help it. */
  async function requireSimulation([first]: readonly SimulatedTransfer[]): Promise<void> {
    if (first === undefined) return;
    try {
      await node.call({ from, to: first.token, data: first.data, gas: gasLimitMax });
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
    }
  }

  return createBatcher({ run, maximumItems: maximumTransfers, purpose: 'read' });
}
