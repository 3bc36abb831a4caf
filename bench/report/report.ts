import { notAnswered } from '../http-load.js';
import type { BenchOptions } from '../options.js';
import type { ScenarioResult } from '../scenarios/run-scenario.js';
import type { Machine } from './machine.js';
import { summarize, type Summary } from './summary.js';

/** What a run found, as it is written to JSON. */
export interface Report {
  readonly machine: Machine;
  readonly chains: readonly string[];
  readonly options: BenchOptions;
  readonly seconds: number;
  readonly scenarios: readonly ScenarioReport[];
}

export interface ScenarioReport {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly Summary[];
  /** Ours divided by the rival's, one entry for each of our rows; none where the rival was not given the time to answer. */
  readonly ratios: readonly Ratio[];
}

/** Undefined where one of the two has no number. */
export interface Ratio {
  readonly name: string;
  readonly rival: string;
  readonly throughput: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly cpuMsPerOp: number | undefined;
  readonly rpcCallsPerOp: number | undefined;
  readonly gasPerPayment: number | undefined;
  readonly peakMemoryMb: number | undefined;
}

export function reportScenario({ scenario, contenders }: ScenarioResult): ScenarioReport {
  const rows = contenders.map(summarize);
  const rival = rows.find(({ name }) => name === scenario.rival.name);
  const ours = contenders
    .filter(({ contender }) => contender.kind === 'tollkeeper')
    .map(({ contender }) => contender.name);
  const ratios = rows
    .filter(({ name }) => rival !== undefined && rival.failures[notAnswered] === undefined && ours.includes(name))
    .map((own) => compare(own, rival));
  return { name: scenario.name, title: scenario.title, rows, ratios };
}

function compare(own: Summary, rival: Summary | undefined): Ratio {
  const ratio = (key: keyof Omit<Ratio, 'name' | 'rival'>): number | undefined => {
    const [mine, theirs] = [own[key], rival?.[key]];
    return mine === undefined || theirs === undefined || theirs === 0 ? undefined : mine / theirs;
  };
  return {
    name: own.name,
    rival: rival?.name ?? '',
    throughput: ratio('throughput'),
    p50Ms: ratio('p50Ms'),
    p99Ms: ratio('p99Ms'),
    cpuMsPerOp: ratio('cpuMsPerOp'),
    rpcCallsPerOp: ratio('rpcCallsPerOp'),
    gasPerPayment: ratio('gasPerPayment'),
    peakMemoryMb: ratio('peakMemoryMb'),
  };
}
