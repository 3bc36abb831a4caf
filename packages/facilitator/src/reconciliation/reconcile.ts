import { json, type Database, type Sql } from '@tollkeeper/database';
import type { Asset, Chain, Clock } from '@tollkeeper/protocol';
import { appendAudit } from '../audit/audit.js';
import { stopWithin } from '../controls/control-store.js';
import { compareCustody, type CustodyComparison } from './compare-custody.js';
import { compareLedger } from './compare-ledger.js';
import {
  countDifferences,
  differingAssets,
  discrepancyRate,
  longestList,
  type Comparison,
  type ReconciliationReport,
} from './report.js';

export type Reconcile = (startedBy: ReconciliationReport['startedBy']) => Promise<ReconciliationReport>;

/** How long a payment that is being booked may take to reach the ledger before it counts as a difference. */
const defaultSettlingMs = 15_000;

/**
 * Holds the books against themselves and the chains, and stores what was found. An asset in which anything differs has its
 * outflows frozen in the same transaction, until an operator lifts that; nothing is adjusted.
 * @throws Fault `DATABASE_UNAVAILABLE`. A chain that does not answer is not thrown but reported as unchecked.
 */
export function createReconciliation(parts: {
  readonly database: Database;
  readonly chains: readonly Chain[];
  /** What addresses of ours may hold, whether or not the ledger has seen it. */
  readonly assets: readonly Asset[];
  readonly clock: Clock;
  readonly settlingMs?: number;
}): Reconcile {
  const { database, clock } = parts;
  return async (startedBy) => {
    const startedAt = clock.now();
    const custody = await compareCustody({ ...parts, settlingMs: parts.settlingMs ?? defaultSettlingMs });
    const ledger = await compareLedger(database);
    const report = draft({ startedBy, startedAt }, ledger, custody);
    return database.transaction((sql) => store(sql, report));
  };
}

type Draft = Omit<ReconciliationReport, 'id' | 'frozen'>;

function draft(
  run: Pick<Draft, 'startedBy' | 'startedAt'>,
  ledger: Comparison,
  custody: CustodyComparison,
): Draft & { readonly assets: readonly Asset[] } {
  const differences = [...ledger.differences, ...custody.differences];
  const unchecked = [...ledger.unchecked, ...custody.unchecked];
  const compared = ledger.compared + custody.compared;
  const incomplete = unchecked.length > 0 ? 'incomplete' : 'clean';
  return {
    ...run,
    outcome: differences.length > 0 ? 'different' : incomplete,
    compared,
    differing: differences.length,
    discrepancyRate: discrepancyRate(differences.length, compared),
    custody: custody.custody,
    counts: countDifferences(differences),
    differences: differences.slice(0, longestList),
    unchecked: unchecked.slice(0, longestList),
    assets: differingAssets(differences),
  };
}

async function store(sql: Sql, found: ReturnType<typeof draft>): Promise<ReconciliationReport> {
  const { assets, ...rest } = found;
  const frozen: Asset[] = [];
  const reason = `${rest.differing} differences found by the reconciliation that began at ${rest.startedAt.toISOString()}`;
  for (const asset of assets) {
    const stop = { control: { kind: 'outflows', asset } as const, reason, setBy: 'reconciliation' as const };
    if (await stopWithin(sql, stop)) frozen.push(asset);
  }
  const report = { ...rest, frozen };
  const [row] = await sql<{ id: bigint }>`
    INSERT INTO reconciliation (started_by, started_at, outcome, compared, differing, report)
    VALUES (${report.startedBy}, ${report.startedAt}, ${report.outcome}, ${report.compared}, ${report.differing},
      ${json(plain(report))})
    RETURNING id`;
  const id = row?.id ?? 0n;
  if (report.startedBy === 'command') {
    await appendAudit(sql, {
      merchantId: null,
      actor: { kind: 'operator' },
      action: 'reconciliation.run',
      subject: id.toString(),
      after: { outcome: report.outcome, differing: report.differing },
    });
  }
  return { id, ...report };
}

/** Amounts and block numbers are decimal strings wherever they leave the program. */
function plain(report: unknown): unknown {
  return JSON.parse(
    JSON.stringify(report, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
  );
}
