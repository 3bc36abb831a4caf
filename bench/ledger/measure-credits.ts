import { openDatabase } from '@tollkeeper/database';
import { createLedger, type Ledger } from '@tollkeeper/ledger';
import type { Database } from '@tollkeeper/database';
import type { Progress } from '../progress.js';
import { medianOfKnown, percentile } from '../statistics.js';
import type { LedgerOptions } from './ledger-options.js';
import {
  groupCommitConclude,
  rowLockConclude,
  submitPayments,
  type Conclude,
  type SettledPayment,
} from './settlement-credits.js';

/** What one contestant did; medians over the rounds. */
export interface CreditSummary {
  readonly name: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecondOfRounds: readonly number[];
}

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Contestant {
  readonly name: string;
  readonly poolSize: number;
  readonly conclude: (database: Database, ledger: Ledger) => Promise<Conclude>;
}

const groupCommit: Contestant = { name: 'group commit', poolSize: 2, conclude: groupCommitConclude };
const baselines: readonly Contestant[] = [8, 32].map((poolSize) => ({
  name: `row lock, ${poolSize} connections`,
  poolSize,
  conclude: rowLockConclude,
}));

const warmUpMs = 500;
const callsPerTopUp = 20_000;

/** Measures every contestant in turns, so that a machine that becomes slower is as slow for all of them. */
export async function measureCredits(
  url: string,
  { options, progress }: { readonly options: LedgerOptions; readonly progress: Progress },
): Promise<{ readonly groupCommit: CreditSummary; readonly baselines: readonly CreditSummary[] }> {
  const rounds = new Map<Contestant, Round[]>();
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const contestant of [...baselines, groupCommit]) {
      progress.say(`settlement credits, round ${round}: ${contestant.name}`);
      rounds.set(contestant, [...(rounds.get(contestant) ?? []), await runContestant(url, contestant, options)]);
    }
  }
  const summary = (contestant: Contestant) => summarise(contestant.name, rounds.get(contestant) ?? []);
  return { groupCommit: summary(groupCommit), baselines: baselines.map(summary) };
}

async function runContestant(url: string, contestant: Contestant, options: LedgerOptions): Promise<Round> {
  const database = await openDatabase({ url, poolSize: contestant.poolSize, onWarning: () => undefined });
  try {
    const ledger = createLedger({ database });
    const conclude = await contestant.conclude(database, ledger);
    const payments = createSupply(database);
    await payments.fill(callsPerTopUp * 3);
    await runCallers(conclude, { callers: options.callers, ms: warmUpMs, payments });
    const startedAt = performance.now();
    const latencies = await runCallers(conclude, { callers: options.callers, ms: options.seconds * 1_000, payments });
    const seconds = (performance.now() - startedAt) / 1_000;
    return {
      perSecond: latencies.length / seconds,
      p50Ms: percentile(latencies, 50) ?? 0,
      p99Ms: percentile(latencies, 99) ?? 0,
    };
  } finally {
    await database.close();
  }
}

/** Payments that wait to be concluded; made before the clock starts. */
function createSupply(database: Database) {
  const ready: SettledPayment[] = [];
  return {
    async fill(count: number): Promise<void> {
      while (ready.length < count) ready.push(...(await submitPayments(database.sql, callsPerTopUp)));
    },
    take: () => ready.pop(),
  };
}

async function runCallers(
  conclude: Conclude,
  load: { readonly callers: number; readonly ms: number; readonly payments: ReturnType<typeof createSupply> },
): Promise<readonly number[]> {
  const latencies: number[] = [];
  const endAt = performance.now() + load.ms;
  const caller = async () => {
    for (;;) {
      const startedAt = performance.now();
      const payment = startedAt < endAt ? load.payments.take() : undefined;
      if (payment === undefined) return;
      await conclude(payment);
      latencies.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: load.callers }, caller));
  return latencies;
}

function summarise(name: string, rounds: readonly Round[]): CreditSummary {
  const median = (of: (round: Round) => number) => medianOfKnown(rounds.map(of)) ?? 0;
  return {
    name,
    perSecond: median(({ perSecond }) => perSecond),
    p50Ms: median(({ p50Ms }) => p50Ms),
    p99Ms: median(({ p99Ms }) => p99Ms),
    perSecondOfRounds: rounds.map(({ perSecond }) => perSecond),
  };
}
