import type { Database } from '@tollkeeper/database';
import type { Asset, Chain, Clock } from '@tollkeeper/protocol';
import { stoppedNotes, type StoppedNote } from './controls/stopped-notes.js';
import { watchControls, type ControlWatch } from './controls/watch-controls.js';
import type { Logger } from './logging/logger.js';
import type { Metrics } from './metrics/metrics.js';
import { measureOperations } from './metrics/operations-metrics.js';
import { createReconciliation } from './reconciliation/reconcile.js';
import { pastReconciliations } from './reconciliation/reconciliation-history.js';
import { createReconciliationSchedule } from './reconciliation/reconciliation-schedule.js';

/** What the service does for its operator: it keeps to what is stopped, and holds the books against the chains now and then. */
export interface ServiceOperations {
  readonly controls: ControlWatch;
  readonly stopped: () => readonly StoppedNote[];
  /** Begins the scheduled reconciliations; what is stopped is known before. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function openServiceOperations(parts: {
  readonly database: Database;
  readonly networks: readonly { readonly chain: Chain; readonly assets: readonly Asset[] }[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly reconcileIntervalSeconds: number;
}): Promise<ServiceOperations> {
  const { database, networks, clock, log } = parts;
  const controls = await watchControls({ database, log });
  const stopped = () => stoppedNotes(controls.all());
  const schedule = createReconciliationSchedule({
    database,
    reconcile: createReconciliation({
      database,
      chains: networks.map(({ chain }) => chain),
      assets: networks.flatMap(({ assets }) => assets),
      clock,
    }),
    intervalSeconds: parts.reconcileIntervalSeconds,
    log,
  });
  measureOperations(parts.metrics.registry, {
    stopped,
    lastReconciliation: async () => (await pastReconciliations(database, 1))[0],
  });
  return {
    controls,
    stopped,
    start: () => schedule.start(),
    async stop() {
      await schedule.stop();
      await controls.stop();
    },
  };
}
