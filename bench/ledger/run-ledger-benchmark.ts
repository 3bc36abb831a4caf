import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, openDatabase } from '@tollkeeper/database';
import { createLedger } from '@tollkeeper/ledger';
import { startPostgres } from '../processes/postgres.js';
import type { Progress } from '../progress.js';
import { observeMachine } from '../report/machine.js';
import type { Cleanups } from '../run-benchmark.js';
import { formatLedgerReport, type LedgerReport } from './ledger-report.js';
import { readLedgerOptions, ledgerUsage, type LedgerOptions } from './ledger-options.js';
import { measureCredits } from './measure-credits.js';
import { measureHistory } from './measure-history.js';
import { measureStatement } from './measure-statement.js';

/** `npm run bench -- ledger`: prints the report, and writes it as JSON where it is asked to. */
export async function runLedgerCommand(
  args: readonly string[],
  parts: { readonly progress: Progress; readonly cleanups: Cleanups },
): Promise<void> {
  const options = readLedgerOptions(args);
  if (options === undefined) {
    process.stdout.write(`${ledgerUsage}\n`);
    return;
  }
  const report = await runLedgerBenchmark(options, parts);
  process.stdout.write(`\n${formatLedgerReport(report)}`);
  if (options.jsonFile !== undefined) await writeFile(options.jsonFile, `${JSON.stringify(report, null, 2)}\n`);
}

async function runLedgerBenchmark(
  options: LedgerOptions,
  { progress, cleanups }: { readonly progress: Progress; readonly cleanups: Cleanups },
): Promise<LedgerReport> {
  const describeMachine = observeMachine();
  const postgres = await startOn('credits', cleanups);
  const credits = await measureCredits(postgres.url, { options, progress });
  const postgresVersion = await postgres.version();
  // History is measured from its beginning, on a database that has none.
  const fresh = await startOn('history', cleanups);
  const database = await openDatabase({ url: fresh.url, onWarning: () => undefined });
  cleanups.push(() => database.close());
  const ledger = createLedger({ database });
  const history = await measureHistory({ database, ledger, transfers: options.transfers, progress });
  progress.say('a statement of 100,000 lines');
  const statement = await measureStatement(database, ledger);
  return {
    machine: describeMachine({ postgres: postgresVersion }),
    callers: options.callers,
    credits,
    history,
    statement,
    seconds: progress.elapsedSeconds(),
  };
}

async function startOn(name: string, cleanups: Cleanups) {
  const folder = await mkdtemp(join(tmpdir(), `tollkeeper-bench-${name}-`));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const postgres = await startPostgres(join(folder, 'data'));
  cleanups.push(() => postgres.stop());
  await migrate({ ownerUrl: postgres.url });
  return postgres;
}
