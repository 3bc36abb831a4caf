import type { Testbed } from '../chains/testbed.js';
import { peakMemoryMbOf, resetPeakMemory } from '../processes/process-usage.js';
import type { Progress } from '../progress.js';
import type { Contender, Subject } from '../subject.js';
import { runPhase, type PhaseResult } from './run-phase.js';
import type { Scenario } from './scenario.js';

/** Every phase of one contender under one load. */
export interface ContenderResult {
  readonly contender: Contender;
  readonly phases: readonly PhaseResult[];
  /** The most memory it held in any of them. */
  readonly peakMemoryMb: number | undefined;
}

const noRamp = { payments: 0, seconds: 0 };

/** However little time is left. */
const shortestPhaseSeconds = 5;

export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly contenders: readonly ContenderResult[];
}

/**
 * Measures the contenders of a scenario in turns, so that a machine that becomes slower meanwhile is as slow for all of
 * them. Each gets a fresh process and, on EVM, fresh signer accounts. At least one round is made, more while there is time.
 */
export async function runScenario(parts: {
  readonly scenario: Scenario;
  readonly testbed: Testbed;
  readonly rounds: number;
  readonly secondsAllowed: number;
  readonly databaseCpuMs: () => number | undefined;
  readonly progress: Progress;
}): Promise<ScenarioResult> {
  const { testbed, progress, secondsAllowed } = parts;
  const started = progress.elapsedSeconds();
  progress.say(parts.scenario.title);
  await testbed.setMining('automine');
  const subjects = await startAll(parts.scenario.contenders, testbed);
  try {
    await testbed.setMining(parts.scenario.mining);
    const warmUps = await warmUp({ ...parts, subjects });
    const scenario = withinTime(parts.scenario, secondsAllowed - (progress.elapsedSeconds() - started));
    const phases = subjects.map((): PhaseResult[] => []);
    for (let round = 1; round <= parts.rounds; round += 1) {
      const roundStarted = progress.elapsedSeconds();
      for (const [index, subject] of subjects.entries()) {
        const last = phases[index]?.at(-1) ?? warmUps[index];
        const bodies = await testbed.sign(subject, countPayments(scenario, last));
        const result = await runPhase({ ...parts, scenario, subject, bodies });
        phases[index]?.push(result);
        progress.say(`  round ${round}  ${describePhase(subject, result)}`);
      }
      const now = progress.elapsedSeconds();
      if (now - started + (now - roundStarted) > secondsAllowed) break;
    }
    const contenders = subjects.map(({ contender, pid }, index) => {
      return { contender, phases: phases[index] ?? [], peakMemoryMb: peakMemoryMbOf(pid) };
    });
    return { scenario, contenders };
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()));
  }
}

/** Side by side, since starting is not measured. */
async function startAll(contenders: readonly Contender[], testbed: Testbed): Promise<Subject[]> {
  const started = await Promise.allSettled(contenders.map((contender) => testbed.start(contender)));
  const subjects = started
    .filter(({ status }) => status === 'fulfilled')
    .map((each) => (each as PromiseFulfilledResult<Subject>).value);
  const failed = started.find((each) => each.status === 'rejected');
  if (failed === undefined) return subjects;
  await Promise.all(subjects.map((subject) => subject.stop()));
  throw failed.reason;
}

/** One round must fit into what is left of the time, whatever hangs; signing and coming to rest take a part of it. */
function withinTime(scenario: Scenario, secondsLeft: number): Scenario {
  const most = Math.max(shortestPhaseSeconds, (0.6 * secondsLeft) / scenario.contenders.length);
  const giveUpAfterSeconds = Math.min(scenario.giveUpAfterSeconds, most);
  // Where callers go on until a time, those who began last get as long to end.
  const isOpenEnded = Number.isFinite(scenario.stopAfterSeconds);
  const stopAfterSeconds = isOpenEnded ? Math.min(scenario.stopAfterSeconds, giveUpAfterSeconds / 2) : Infinity;
  return { ...scenario, giveUpAfterSeconds, stopAfterSeconds };
}

async function warmUp(parts: {
  readonly scenario: Scenario;
  readonly testbed: Testbed;
  readonly subjects: readonly Subject[];
  readonly databaseCpuMs: () => number | undefined;
  readonly progress: Progress;
}): Promise<PhaseResult[]> {
  const { scenario, testbed, subjects, progress } = parts;
  const results: PhaseResult[] = [];
  for (const subject of subjects) {
    const end = progress.elapsedSeconds() + scenario.warmUp.seconds;
    let result: PhaseResult;
    do {
      const bodies = await testbed.sign(subject, scenario.warmUp.payments);
      const load = { ...scenario, ramp: noRamp };
      result = await runPhase({ ...parts, scenario: load, subject, bodies });
    } while (progress.elapsedSeconds() < end);
    results.push(result);
    resetPeakMemory(subject.pid);
  }
  return results;
}

/** Where the time ends a phase, not many more payments are signed than twice the speed of the last one would use up. */
function countPayments(scenario: Scenario, last: PhaseResult | undefined): number {
  const most = scenario.ramp.payments + scenario.payments;
  if (last === undefined || !Number.isFinite(scenario.stopAfterSeconds)) return most;
  const perSecond = last.load.sent / last.load.seconds;
  const seconds = scenario.ramp.seconds + scenario.stopAfterSeconds;
  return Math.min(most, Math.ceil(2 * perSecond * seconds) + scenario.concurrency);
}

function describePhase({ contender }: Subject, { load }: PhaseResult): string {
  const succeeded = load.latenciesMs.length;
  const perSecond = (succeeded / load.seconds).toFixed(1).padStart(8);
  const failed = Object.entries(load.failures).map(([reason, count]) => `${count} × ${reason}`);
  const counts = `${succeeded} of ${load.sent} in ${load.seconds.toFixed(1)} s`;
  return [`${contender.name.padEnd(26)} ${perSecond}/s  ${counts}`, ...failed].join('; ');
}
