import { writeFile } from 'node:fs/promises';
import { runLedgerCommand } from './ledger/run-ledger-benchmark.js';
import { readOptions, usage, type BenchOptions } from './options.js';
import { startProgress } from './progress.js';
import { formatReport } from './report/text-report.js';
import { runBenchmark, type Cleanups } from './run-benchmark.js';

/** Exit codes: 1 for a run that broke, 2 for a wrong command line. */
const args = process.argv.slice(2);
const progress = startProgress((text) => process.stderr.write(text));
const cleanups: Cleanups = [];
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
}
try {
  if (args[0] === 'ledger') await runLedgerCommand(args.slice(1), { progress, cleanups });
  else await runFacilitators(chosenOptions());
} finally {
  await cleanUp();
}

async function runFacilitators(options: BenchOptions): Promise<void> {
  const report = await runBenchmark(options, { progress, cleanups });
  process.stdout.write(`\n${formatReport(report)}`);
  if (options.jsonFile !== undefined) await writeFile(options.jsonFile, `${JSON.stringify(report, null, 2)}\n`);
}

async function cleanUp(): Promise<void> {
  for (let stop = cleanups.pop(); stop !== undefined; stop = cleanups.pop()) await stop();
}

function chosenOptions(): BenchOptions {
  try {
    const chosen = readOptions(args);
    if (chosen !== undefined) return chosen;
    console.log(usage);
    process.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}
