import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startEvmTestbed } from './chains/evm-testbed.js';
import { startSvmTestbed } from './chains/svm-testbed.js';
import type { Testbed, Workplace } from './chains/testbed.js';
import type { BenchOptions } from './options.js';
import { startPostgres } from './processes/postgres.js';
import { runTollkeeper } from './processes/tollkeeper.js';
import type { Progress } from './progress.js';
import { observeMachine } from './report/machine.js';
import { reportScenario, type Report, type ScenarioReport } from './report/report.js';
import { runScenario } from './scenarios/run-scenario.js';
import type { Scenario } from './scenarios/scenario.js';
import { chooseScenarios } from './scenarios/scenarios.js';

/** More buyers than this would only make the preparation longer. */
const buyersAtMost = 1_000;

/** What stops the parts of a run, in the opposite order of their start. */
export type Cleanups = (() => Promise<void>)[];

/** Starts the database and the chains and runs every scenario. The caller runs the cleanups, however it ends. */
export async function runBenchmark(
  options: BenchOptions,
  parts: { readonly progress: Progress; readonly cleanups: Cleanups },
): Promise<Report> {
  const { progress, cleanups } = parts;
  const describeMachine = observeMachine();
  const folder = await mkdtemp(join(tmpdir(), 'tollkeeper-bench-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const postgres = await startPostgres(join(folder, 'data'));
  cleanups.push(() => postgres.stop());
  const workplace: Workplace = {
    databaseUrl: postgres.url,
    copyDatabase: () => postgres.copy(),
    folder,
    walletEncryptionKey: randomBytes(32).toString('hex'),
    diagnosticsDir: options.diagnosticsDir && resolve(options.diagnosticsDir),
  };
  if (workplace.diagnosticsDir !== undefined) await mkdir(workplace.diagnosticsDir, { recursive: true });
  await migrate(workplace);
  progress.say('PostgreSQL is ready');
  const testbeds = createTestbeds(workplace, { options, progress, cleanups });
  const reports = await runAll({ options, progress, testbed: testbeds.of, databaseCpuMs: () => postgres.cpuMs() });
  return {
    machine: describeMachine({ postgres: await postgres.version() }),
    chains: testbeds.descriptions(),
    options,
    seconds: progress.elapsedSeconds(),
    scenarios: reports,
  };
}

async function runAll(parts: {
  readonly options: BenchOptions;
  readonly progress: Progress;
  readonly testbed: (family: Scenario['family']) => Promise<Testbed>;
  readonly databaseCpuMs: () => number | undefined;
}): Promise<ScenarioReport[]> {
  const { options, progress } = parts;
  const scenarios = chooseScenarios(options);
  const reports: ScenarioReport[] = [];
  for (const [index, scenario] of scenarios.entries()) {
    const testbed = await parts.testbed(scenario.family);
    const weightLeft = scenarios.slice(index).reduce((sum, { weight }) => sum + weight, 0);
    const secondsLeft = options.limitSeconds - progress.elapsedSeconds();
    const secondsAllowed = (secondsLeft * scenario.weight) / weightLeft;
    reports.push(
      reportScenario(await runScenario({ ...parts, scenario, testbed, secondsAllowed, rounds: options.rounds })),
    );
  }
  return reports;
}

function createTestbeds(
  workplace: Workplace,
  parts: { readonly options: BenchOptions; readonly progress: Progress; readonly cleanups: Cleanups },
) {
  const { options, progress, cleanups } = parts;
  const started = new Map<Scenario['family'], Testbed>();
  const buyers = options.groups.includes('settle') ? Math.min(options.payments, buyersAtMost) : 100;
  return {
    of: async (family: Scenario['family']): Promise<Testbed> => {
      const known = started.get(family);
      if (known !== undefined) return known;
      const testbed = await (family === 'evm' ? startEvmTestbed(workplace, buyers) : startSvmTestbed(workplace));
      cleanups.push(() => testbed.stop());
      started.set(family, testbed);
      progress.say(`${testbed.description}: ready`);
      return testbed;
    },
    descriptions: () => [...started.values()].map(({ description }) => description),
  };
}

async function migrate(workplace: Workplace): Promise<void> {
  await runTollkeeper(['migrate'], {
    ENVIRONMENT: 'production',
    DATABASE_URL: workplace.databaseUrl,
    WALLET_ENCRYPTION_KEY: workplace.walletEncryptionKey,
  });
}
