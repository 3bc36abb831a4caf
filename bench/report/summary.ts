import type { PhaseResult } from '../scenarios/run-phase.js';
import type { ContenderResult } from '../scenarios/run-scenario.js';
import { totalOf } from '../processes/rpc-meter.js';
import { medianOfKnown, percentile } from '../statistics.js';

/** Medians over the rounds. Processor time and RPC calls are divided by what succeeded, because nobody pays for the rest. */
export interface Summary {
  readonly name: string;
  readonly rounds: number;
  /** Successes a second. */
  readonly throughput: number | undefined;
  /** Over all calls, where a failed call is slower than any. Undefined where the percentile is a failed call. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly successPercent: number | undefined;
  readonly cpuMsPerOp: number | undefined;
  readonly databaseCpuMsPerOp: number | undefined;
  readonly rpcCallsPerOp: number | undefined;
  readonly gasPerPayment: number | undefined;
  /** The most that any round needed until its last transfer. */
  readonly blocks: number | undefined;
  readonly peakMemoryMb: number | undefined;
  /** Sums over the rounds. */
  readonly sent: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly rpcCalls: Readonly<Record<string, number>>;
  readonly transactions: number | undefined;
  readonly revertedTransactions: number | undefined;
  readonly transfers: number | undefined;
  readonly successes: number;
}

export function summarize({ contender, phases, peakMemoryMb }: ContenderResult): Summary {
  const successes = (phase: PhaseResult): number => phase.load.latenciesMs.length;
  const perSuccess = (cost: (phase: PhaseResult) => number | undefined): number | undefined =>
    medianOfKnown(
      phases.map((phase) => {
        const total = cost(phase);
        return total === undefined || successes(phase) === 0 ? undefined : total / successes(phase);
      }),
    );
  const ofCalls = (percent: number) => medianOfKnown(phases.map((phase) => latencyOf(phase, percent)));
  const ofChain = (key: 'transactions' | 'reverted' | 'transfers') =>
    phases.some(({ chain }) => chain !== undefined) ? sum(phases.map(({ chain }) => chain?.[key] ?? 0)) : undefined;
  return {
    name: contender.name,
    rounds: phases.length,
    throughput: medianOfKnown(phases.map((phase) => successes(phase) / phase.load.seconds)),
    p50Ms: finite(ofCalls(50)),
    p99Ms: finite(ofCalls(99)),
    successPercent: medianOfKnown(phases.map((phase) => (100 * successes(phase)) / phase.load.sent)),
    cpuMsPerOp: perSuccess(({ cpuMs }) => cpuMs),
    databaseCpuMsPerOp: perSuccess(({ databaseCpuMs }) => databaseCpuMs),
    rpcCallsPerOp: perSuccess(({ rpcCalls }) => totalOf(rpcCalls)),
    gasPerPayment: medianOfKnown(phases.map(gasPerTransfer)),
    blocks: mostBlocks(phases),
    peakMemoryMb,
    sent: sum(phases.map(({ load }) => load.sent)),
    successes: sum(phases.map(successes)),
    failures: sumRecords(phases.map(({ load }) => load.failures)),
    rpcCalls: sumRecords(phases.map(({ rpcCalls }) => rpcCalls)),
    transactions: ofChain('transactions'),
    revertedTransactions: ofChain('reverted'),
    transfers: ofChain('transfers'),
  };
}

/** Over the payments that reached the chain, whether or not somebody was told; what reverted is paid for by the others. */
function gasPerTransfer({ chain }: PhaseResult): number | undefined {
  return chain === undefined || chain.transfers === 0 ? undefined : Number(chain.gasUsed) / chain.transfers;
}

function mostBlocks(phases: readonly PhaseResult[]): number | undefined {
  const known = phases.flatMap(({ chain }) => (chain === undefined ? [] : [chain.blocks]));
  return known.length === 0 ? undefined : Math.max(...known);
}

function latencyOf({ load }: PhaseResult, percent: number): number | undefined {
  const failed = load.sent - load.latenciesMs.length;
  return percentile([...load.latenciesMs, ...Array<number>(failed).fill(Infinity)], percent);
}

function finite(value: number | undefined): number | undefined {
  return value === undefined || Number.isFinite(value) ? value : undefined;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function sumRecords(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [key, count] of records.flatMap((record) => Object.entries(record))) {
    total[key] = (total[key] ?? 0) + count;
  }
  return total;
}
