import { formatMachine, type Machine } from '../report/machine.js';
import type { CreditSummary } from './measure-credits.js';
import type { HistoryPoint } from './measure-history.js';
import type { StatementSummary } from './measure-statement.js';

/** Everything that a run found; also its JSON form. */
export interface LedgerReport {
  readonly machine: Machine;
  readonly callers: number;
  readonly credits: { readonly groupCommit: CreditSummary; readonly baselines: readonly CreditSummary[] };
  readonly history: readonly HistoryPoint[];
  readonly statement: StatementSummary;
  readonly seconds: number;
}

/** The report as it is read in a terminal and in docs/ledger.md. */
export function formatLedgerReport(report: LedgerReport): string {
  const { machine, credits, history, statement } = report;
  return [
    `${machine.date}, commit ${machine.commit}, ${report.seconds.toFixed(0)} s`,
    ...formatMachine(machine),
    `Node ${machine.node}, PostgreSQL ${machine.postgres}, durable commits`,
    '',
    `Settlement credits, ${report.callers} callers, 90 % to one merchant, a fee leg in each`,
    row('', ['per s', 'p50 ms', 'p99 ms', '  rounds, per s']),
    ...[...credits.baselines, credits.groupCommit].map(creditRow),
    ...credits.baselines.map((baseline) => ratio(credits.groupCommit, baseline)),
    '',
    'Cost of a posting of two legs, in milliseconds',
    row('transfers before', ['alone', 'in a batch']),
    ...history.map((point) => row(String(point.transfers), [point.aloneMs.toFixed(2), point.inBatchMs.toFixed(3)])),
    '',
    `Statement: ${statement.lines} lines in ${statement.seconds.toFixed(2)} s, ${statement.growthMb.toFixed(0)} MB of memory growth`,
    '',
  ].join('\n');
}

function creditRow({ name, perSecond, p50Ms, p99Ms, perSecondOfRounds }: CreditSummary): string {
  const rounds = `  ${perSecondOfRounds.map((each) => each.toFixed(0)).join(' ')}`;
  return row(name, [perSecond.toFixed(0), p50Ms.toFixed(1), p99Ms.toFixed(1), rounds]);
}

function ratio(ours: CreditSummary, theirs: CreditSummary): string {
  return `  ${ours.name} / ${theirs.name}: throughput × ${(ours.perSecond / theirs.perSecond).toFixed(1)}`;
}

function row(name: string, cells: readonly string[]): string {
  return [`  ${name.padEnd(26)}`, ...cells.map((cell) => cell.padStart(12))].join('');
}
