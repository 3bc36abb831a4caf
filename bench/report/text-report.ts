import { formatMachine } from './machine.js';
import type { Report, Ratio, ScenarioReport } from './report.js';
import type { Summary } from './summary.js';

/** The report as it is read in a terminal and in docs/benchmarks.md. */
export function formatReport(report: Report): string {
  const { machine } = report;
  return [
    `${machine.date}, commit ${machine.commit}, ${report.seconds.toFixed(0)} s`,
    ...formatMachine(machine),
    `Node ${machine.node}, PostgreSQL ${machine.postgres}; reference: ${machine.reference}`,
    ...report.chains,
    ...report.scenarios.flatMap(formatScenario),
    '',
  ].join('\n');
}

const columns = [
  { head: 'rounds', of: (row: Summary) => String(row.rounds) },
  { head: 'per s', of: (row: Summary) => digits(row.throughput, 1) },
  { head: 'p50 ms', of: (row: Summary) => latency(row, row.p50Ms) },
  { head: 'p99 ms', of: (row: Summary) => latency(row, row.p99Ms) },
  { head: 'success', of: (row: Summary) => `${digits(row.successPercent, 1)} %` },
  { head: 'CPU ms', of: (row: Summary) => digits(row.cpuMsPerOp, 2) },
  { head: 'DB CPU ms', of: (row: Summary) => digits(row.databaseCpuMsPerOp, 2) },
  { head: 'RPC', of: (row: Summary) => digits(row.rpcCallsPerOp, 2) },
  { head: 'gas', of: (row: Summary) => digits(row.gasPerPayment, 0) },
  { head: 'blocks', of: (row: Summary) => digits(row.blocks, 0) },
  { head: 'RSS MB', of: (row: Summary) => digits(row.peakMemoryMb, 0) },
] as const;

function formatScenario({ title, rows, ratios }: ScenarioReport): string[] {
  const names = rows.map(({ name }) => name);
  const width = Math.max(26, ...names.map((name) => name.length));
  const line = (name: string, cells: readonly string[]): string =>
    [`  ${name.padEnd(width)}`, ...cells.map((cell) => cell.padStart(10))].join('');
  return [
    '',
    title,
    line(
      '',
      columns.map(({ head }) => head),
    ),
    ...rows.map((row) =>
      line(
        row.name,
        columns.map(({ of }) => of(row)),
      ),
    ),
    ...ratios.map(formatRatio),
    ...rows.flatMap(remarksOn),
  ];
}

function formatRatio({ name, rival, ...ratios }: Ratio): string {
  const labels: Readonly<Record<keyof typeof ratios, string>> = {
    throughput: 'throughput',
    p50Ms: 'p50',
    p99Ms: 'p99',
    cpuMsPerOp: 'CPU',
    rpcCallsPerOp: 'RPC',
    gasPerPayment: 'gas',
    peakMemoryMb: 'RSS',
  };
  const parts = (Object.keys(labels) as (keyof typeof ratios)[])
    .filter((key) => ratios[key] !== undefined)
    .map((key) => `${labels[key]} × ${digits(ratios[key], 2)}`);
  return `  ${name} / ${rival}: ${parts.join(', ')}`;
}

/** What a median hides: why calls failed, and what the chain saw that the answers do not say. */
function remarksOn(row: Summary): string[] {
  const remarks = Object.entries(row.failures).map(([reason, count]) => `${count} of ${row.sent} failed: ${reason}`);
  if ((row.revertedTransactions ?? 0) > 0)
    remarks.push(`${row.revertedTransactions ?? 0} transactions reverted on chain`);
  if (row.transfers !== undefined && row.transfers !== row.successes) {
    remarks.push(`${row.transfers} transfers on chain for ${row.successes} successful answers`);
  }
  return remarks.map((remark) => `  ${row.name}: ${remark}`);
}

function latency({ sent }: Summary, value: number | undefined): string {
  return value === undefined && sent > 0 ? 'failed' : digits(value, 1);
}

function digits(value: number | undefined, places: number): string {
  return value === undefined ? '-' : value.toFixed(places);
}
