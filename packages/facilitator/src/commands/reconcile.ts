import { isFault, type Asset } from '@tollkeeper/protocol';
import { InvalidArgumentError, type Command } from 'commander';
import type { Config } from '../config/config.js';
import type { ReconciliationReport } from '../reconciliation/report.js';
import { pastReconciliations } from '../reconciliation/reconciliation-history.js';
import { describeError } from './describe-error.js';
import { exitCodes } from './exit-codes.js';
import { formatAmount } from './format-amount.js';
import { print, printError, printJson, printTable } from './output.js';
import { withOperations } from './with-operations.js';

interface Options {
  readonly history?: number;
  readonly json?: true;
}

/** `tollkeeper reconcile`: the books against themselves and the chains. */
export function addReconcileCommand(program: Command, config: () => Config): void {
  program
    .command('reconcile')
    .description('hold the books against themselves and the chains; what differs has its outflows frozen')
    .option('--history <count>', 'show so many earlier reconciliations instead, newest first', readCount)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing differs, 1 something does, 2 wrong command line, 3 something could not be compared.\n' +
        '\nExamples:\n  tollkeeper reconcile\n  tollkeeper reconcile --history 10 --json',
    )
    .action(async (options: Options) => {
      const read = config();
      try {
        await (options.history === undefined ? run(read, options) : showHistory(read, options.history, options));
      } catch (error) {
        if (!isFault(error)) throw error;
        // Whatever kept it from comparing: nothing is known to differ.
        printError(describeError(error));
        process.exitCode = exitCodes.unchecked;
      }
    });
}

async function run(config: Config, { json }: Options): Promise<void> {
  await withOperations(config, async ({ reconcile }) => {
    const report = await reconcile('command');
    if (json) printJson(report);
    else showReport(report);
    process.exitCode = exitCodeOf[report.outcome];
  });
}

const exitCodeOf = {
  clean: exitCodes.ok,
  different: exitCodes.failed,
  incomplete: exitCodes.unchecked,
} as const;

async function showHistory(config: Config, count: number, { json }: Options): Promise<void> {
  await withOperations(config, async ({ database }) => {
    const past = await pastReconciliations(database, count);
    if (json) {
      printJson(past);
      return;
    }
    const rows = past.map((each) => [
      each.id.toString(),
      each.finishedAt.toISOString(),
      each.startedBy,
      each.outcome,
      each.compared.toString(),
      each.differing.toString(),
    ]);
    printTable([['NUMBER', 'FINISHED', 'BY', 'OUTCOME', 'COMPARED', 'DIFFERING'], ...rows]);
  });
}

function showReport(report: ReconciliationReport): void {
  const { outcome, compared, differing, discrepancyRate } = report;
  print(`Reconciliation ${report.id}: ${outcome}`);
  print(`${compared} comparisons, ${differing} differ, discrepancy rate ${discrepancyRate} %`);
  if (report.custody.length > 0) {
    print('');
    const rows = report.custody.map(({ asset, addresses, ledger, chain, fromBlock, toBlock }) => [
      asset.network,
      addresses.toString(),
      signed(asset, ledger),
      signed(asset, chain),
      fromBlock === toBlock ? toBlock.toString() : `${fromBlock} to ${toBlock}`,
    ]);
    printTable([['CUSTODY ON', 'ADDRESSES', 'LEDGER', 'CHAIN', 'AS OF BLOCK'], ...rows]);
  }
  if (report.differences.length > 0) {
    print('');
    const rows = report.differences.map(({ check, asset, subject, expected, found }) => [
      check,
      asset.network,
      subject,
      signed(asset, expected),
      signed(asset, found),
      signed(asset, found - expected),
    ]);
    printTable([['CHECK', 'NETWORK', 'WHAT', 'EXPECTED', 'FOUND', 'DIFFERENCE'], ...rows]);
  }
  for (const { network, token } of report.frozen) {
    print(`\nThe outflows of ${token} on ${network} are frozen now. When the difference is explained:`);
    print(`  tollkeeper resume outflows ${network} ${token} --reason '...'`);
  }
  for (const { network, subject, reason } of report.unchecked) {
    print(`\nNot compared: ${subject} on ${network}, because ${reason}`);
  }
}

function signed(asset: Asset, minorUnits: bigint): string {
  return minorUnits < 0n ? `-${formatAmount(asset, -minorUnits)}` : formatAmount(asset, minorUnits);
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 to 9999');
  return Number(text);
}
