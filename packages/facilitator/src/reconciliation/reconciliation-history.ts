import type { Database } from '@tollkeeper/database';
import type { DifferenceCount, ReconciliationOutcome } from './report.js';

/** One reconciliation of the past. */
export interface PastReconciliation {
  readonly id: bigint;
  readonly startedBy: string;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly outcome: ReconciliationOutcome;
  readonly compared: bigint;
  readonly differing: bigint;
  readonly counts: readonly DifferenceCount[];
}

/** The newest reconciliations, newest first. */
export function pastReconciliations({ sql }: Database, limit: number): Promise<readonly PastReconciliation[]> {
  return sql<PastReconciliation>`
    SELECT id, started_by AS "startedBy", started_at AS "startedAt", finished_at AS "finishedAt", outcome, compared, differing,
      report -> 'counts' AS counts
    FROM reconciliation ORDER BY id DESC LIMIT ${limit}`;
}
